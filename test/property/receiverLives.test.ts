import {
  fixedRate,
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverSink,
  receiverBatches,
} from 'dstream';
import fc from 'fast-check';
import { retry, throwError, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { type SlowWrite, slowWriteAheadLog } from '../support/slowWriteAheadLog.js';
import { virtual } from '../support/virtual.js';
import { propertySettings } from './settings.js';

const interval = 10;
/** After this time nothing goes wrong any more. */
const calm = 200;
const end = 1_000;

interface Run {
  /** How long after the one before it a record is sent, ms. */
  readonly sends: readonly number[];
  readonly blockInterval: number;
  readonly concurrentBatches: number;
  readonly maxQueue: number;
  readonly rate: number | undefined;
  readonly writes: readonly SlowWrite[];
  /** What happens at the outputs: how long they take, and whether they fail then. */
  readonly outputs: readonly { readonly delay: number; readonly fails: boolean }[];
  /** When the stream is left, to be subscribed to again some ms later. */
  readonly leaves: readonly { readonly after: number; readonly away: number }[];
}

const seldom = fc.nat(9).map((n) => n === 0);
const runs: fc.Arbitrary<Run> = fc.record({
  sends: fc.array(fc.nat(8), { maxLength: 60 }),
  blockInterval: fc.constantFrom(3, 10),
  concurrentBatches: fc.integer({ min: 1, max: 3 }),
  maxQueue: fc.constantFrom(3, 20, 1_000),
  rate: fc.option(fc.constantFrom(150, 400), { nil: undefined }),
  writes: fc.array(fc.record({ before: fc.nat(12), after: fc.nat(6), fails: seldom }), { maxLength: 60 }),
  outputs: fc.array(fc.record({ delay: fc.nat(25), fails: seldom }), { maxLength: 60 }),
  leaves: fc.array(fc.record({ after: fc.integer({ min: 1, max: 60 }), away: fc.nat(20) }), { maxLength: 6 }),
});

/** What one receiver, from one start to its end, was given, and how many of these were told as stored. */
interface Life {
  readonly sent: string[];
  stored: number;
}

/** Runs it, and gives the lives of the receiver and the output by batch time; a batch that is replayed must be the same. */
function live(run: Run): { readonly lives: readonly Life[]; readonly outputs: ReadonlyMap<number, readonly string[]> } {
  const lives: Life[] = [];
  const written = new Map<number, readonly string[]>();
  virtual((scheduler) => {
    const isCalm = () => scheduler.now() >= calm;
    const writes = [...run.writes];
    const outputs = [...run.outputs];
    const nextWrite = () => (isCalm() ? undefined : writes.shift()) ?? { before: 0, after: 0, fails: false };
    let sink: ReceiverSink<string> | undefined;
    const receiver = (given: ReceiverSink<string>) => {
      sink = given;
      lives.push({ sent: [], stored: 0 });
      return () => {
        sink = undefined;
      };
    };
    const send = () => {
      const life = lives.at(-1);
      if (!sink || !life) return;
      const record = `${lives.length}/${life.sent.length}`;
      life.sent.push(record);
      const until = life.sent.length;
      sink.store(record, () => {
        expect(until).toBe(life.stored + 1);
        life.stored = until;
      });
    };
    const stream = receiverBatches(receiver, {
      interval,
      blockInterval: run.blockInterval,
      concurrentBatches: run.concurrentBatches,
      maxQueue: run.maxQueue,
      checkpoint: memoryCheckpoint(),
      writeAheadLog: slowWriteAheadLog(memoryWriteAheadLog(), nextWrite),
      ...(run.rate !== undefined && { backpressure: fixedRate(run.rate) }),
    });
    const save = foreachBatch<string>((records, { time }) => {
      const { delay, fails } = (isCalm() ? undefined : outputs.shift()) ?? { delay: 0, fails: false };
      const before = written.get(time);
      if (before) expect(records).toEqual(before);
      // Written, and then it may crash.
      written.set(time, [...records]);
      return fails ? throwError(() => new Error('output lost')) : timer(delay);
    });
    const pipeline = stream.pipe(save, retry({ delay: 1 }));
    let subscription = pipeline.subscribe();
    for (const at of sums(run.sends)) scheduler.schedule(send, at);
    for (const [i, at] of sums(run.leaves.flatMap(({ after, away }) => [after, away])).entries()) {
      const turn = () => {
        if (i % 2 === 0) subscription.unsubscribe();
        else subscription = pipeline.subscribe();
      };
      scheduler.schedule(turn, at);
    }
    scheduler.schedule(() => subscription.unsubscribe(), end);
  });
  return { lives, outputs: written };
}

function sums(delays: readonly number[]): readonly number[] {
  let sum = 0;
  return delays.map((delay) => {
    sum += delay;
    return sum;
  });
}

it('a receiver with a log gives of each life the first records, at least those told as stored, once and in order', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const { lives, outputs } = live(run);
      const times = [...outputs.keys()].sort((a, b) => a - b);
      for (const [i, time] of times.entries()) expect(time).toBe((times[0] ?? 0) + interval * i);
      const given = times.flatMap((time) => outputs.get(time) ?? []);
      const counts = lives.map((_, i) => given.filter((record) => record.startsWith(`${i + 1}/`)).length);
      expect(given).toEqual(lives.flatMap(({ sent }, i) => sent.slice(0, counts[i])));
      for (const [i, { stored }] of lives.entries()) expect(counts[i]).toBeGreaterThanOrEqual(stored);
    }),
    propertySettings(500),
  );
});
