import {
  type Batch,
  type BatchContext,
  type Checkpoint,
  type CheckpointSession,
  foreachBatch,
  logBatches,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  string,
  updateStateByKey,
} from 'dstream';
import { faultyLog, type LogCall, type LogFault } from 'dstream/testing';
import fc from 'fast-check';
import { defer, from, map, merge, type Observable, of, retry, share, throwError, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { propertySettings } from './settings.js';

const interval = 10;
/** After this time nothing goes wrong any more. */
const calm = 200;
const end = 700;

interface Trouble {
  readonly delay: number;
  readonly fails: boolean;
}

interface Life {
  readonly partitions: number;
  /** For each record its partition, and how long after the one before it is written. */
  readonly writes: readonly { readonly partition: number; readonly after: number }[];
  readonly concurrentBatches: number;
  readonly maxRatePerPartition: number | undefined;
  readonly maxBufferedBytes: number;
  readonly keeps: 'offsets' | 'checkpoint';
  /** What happens at the calls of the log, and at the effects of two outputs, one after the other. */
  readonly calls: readonly Trouble[];
  readonly effects: readonly [readonly Trouble[], readonly Trouble[]];
  /** When the stream is unsubscribed, or stopped within so many ms, to be subscribed to again. */
  readonly leaves: readonly { readonly after: number; readonly drainTimeout: number | undefined }[];
}

const trouble = fc.record({ delay: fc.nat(35), fails: fc.boolean().map((no) => !no) });
const mostly = (often: number) =>
  fc.oneof({ weight: often, arbitrary: fc.constant({ delay: 0, fails: false }) }, { weight: 1, arbitrary: trouble });

const lives: fc.Arbitrary<Life> = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  writes: fc.array(fc.record({ partition: fc.nat(2), after: fc.nat(8) }), { maxLength: 40 }),
  concurrentBatches: fc.integer({ min: 1, max: 4 }),
  maxRatePerPartition: fc.option(fc.constantFrom(100, 300), { nil: undefined }),
  maxBufferedBytes: fc.constantFrom(1, 100, 1_000_000),
  keeps: fc.constantFrom('offsets', 'checkpoint'),
  calls: fc.array(mostly(9), { maxLength: 200 }),
  effects: fc.tuple(fc.array(mostly(4), { maxLength: 60 }), fc.array(mostly(4), { maxLength: 60 })),
  leaves: fc.array(
    fc.record({ after: fc.integer({ min: 1, max: 80 }), drainTimeout: fc.option(fc.nat(60), { nil: undefined }) }),
    { maxLength: 4 },
  ),
});

/** What one output of one subscription has seen and finished: the end of each partition. */
interface Seen {
  readonly begun: Map<number, number>;
  readonly finished: (readonly number[])[];
  lastTime: number;
}

it('gives every record to every output in order, counts it once, and keeps no progress beyond what has settled', () => {
  fc.assert(fc.property(lives, live), propertySettings(200));
});

function live(life: Life): void {
  const log = memoryLog({ topics: { t: life.partitions } });
  const outputs: [Set<string>, Set<string>] = [new Set(), new Set()];
  const written: string[] = [];
  const broken: unknown[] = [];
  virtual((scheduler) => {
    const keeper = progressOf(life, log);
    write(life, (partition, after) => {
      scheduler.schedule(() => {
        const value = `${partition}/${log.latest('t', partition)}`;
        written.push(value);
        log.append('t', [{ value, partition }]);
      }, after);
    });
    const calls = life.calls.values();
    const disturb = (_: LogCall): LogFault | undefined => {
      const next = scheduler.now() < calm ? calls.next().value : undefined;
      return next && { delay: next.delay, ...(next.fails && { error: 'call' }) };
    };
    const client = faultyLog(log, disturb, scheduler);
    const troubles = life.effects.map((list) => list.values());
    const stream = logBatches(client, {
      topics: ['t'],
      start: 'earliest',
      interval,
      deserialize: string(),
      concurrentBatches: life.concurrentBatches,
      maxBufferedBytes: life.maxBufferedBytes,
      discoverInterval: 50,
      ...(life.maxRatePerPartition && { maxRatePerPartition: life.maxRatePerPartition }),
      ...keeper.options,
    });
    const attempt = defer(() => {
      const shared = stream.pipe(share());
      const seen = outputs.map((): Seen => ({ begun: new Map(), finished: [], lastTime: -Infinity }));
      keeper.starts(seen);
      const branches = outputs.map((output, i) => {
        const effect = (records: readonly (string | null)[], context: BatchContext) => {
          check(seen[i] as Seen, records, context, keeper.start());
          const { delay, fails } = (scheduler.now() < calm && troubles[i]?.next().value) || { delay: 0, fails: false };
          return (delay > 0 ? timer(delay) : of(0)).pipe(
            map(() => {
              if (fails) throw 'effect';
              for (const record of records) output.add(String(record));
              seen[i]?.finished.push(endsOf(context));
            }),
          );
        };
        return shared.pipe(foreachBatch(effect));
      });
      return merge(...branches, ...(life.keeps === 'checkpoint' ? [totals(shared)] : []));
    });
    const expected = (error: unknown) => error === 'call' || error === 'effect';
    const again = retry({ delay: (error) => (expected(error) ? of(0) : throwError(() => error)) });
    const subscribe = () => attempt.pipe(again).subscribe({ error: (error) => broken.push(error) });
    let subscription = subscribe();
    const leave = ([first, ...rest]: Life['leaves']): void => {
      if (!first) return;
      scheduler.schedule(() => {
        const back = () => {
          // It may have been tried again while it was stopped.
          subscription.unsubscribe();
          subscription = subscribe();
          leave(rest);
        };
        if (first.drainTimeout === undefined) back();
        else {
          void stream.stop({ drainTimeout: first.drainTimeout });
          scheduler.schedule(back, first.drainTimeout + 1);
        }
      }, first.after);
    };
    leave(life.leaves);
    scheduler.schedule(() => subscription.unsubscribe(), end);
  });
  expect(broken).toEqual([]);
  for (const output of outputs) expect([...output].sort()).toEqual(written.sort());
}

/** State counts every record once: with a checkpoint the count is always what was read from the beginning of the log. */
function totals(records: Observable<Batch<string | null>>): Observable<unknown> {
  return records.pipe(
    mapRecords((record): Pair<string, number> => [String(record).slice(0, 1), 1]),
    updateStateByKey((ones: readonly number[], count: number = 0) => count + ones.length, { id: 'totals' }),
    foreachBatch((counts, context) => {
      const counted = counts.reduce((sum, [, count]) => sum + count, 0);
      const read = endsOf(context).reduce((sum, until) => sum + until, 0);
      if (counted !== read) throw new Error(`${counted} were counted, ${read} read`);
    }),
  );
}

function write({ writes, partitions }: Life, at: (partition: number, time: number) => void): void {
  let time = 0;
  for (const { partition, after } of writes) {
    time += after;
    at(partition % partitions, time);
  }
}

const endsOf = ({ inputs }: BatchContext): number[] => {
  const ends: number[] = [];
  for (const { partition, until } of inputs.log?.ranges ?? []) ends[partition] = until;
  return ends;
};

/** Each partition goes on where it was, from where progress was kept at the beginning; each record is in its range. */
function check(seen: Seen, records: readonly unknown[], context: BatchContext, start: readonly number[]): void {
  if (context.time <= seen.lastTime) throw new Error(`time ${context.time} came after ${seen.lastTime}`);
  seen.lastTime = context.time;
  const expected: string[] = [];
  for (const { partition, from: first, until } of context.inputs.log?.ranges ?? []) {
    const due = seen.begun.get(partition) ?? start[partition] ?? 0;
    if (first !== due) throw new Error(`partition ${partition} goes on at ${first}, not at ${due}`);
    seen.begun.set(partition, until);
    for (let offset = first; offset < until; offset++) expected.push(`${partition}/${offset}`);
  }
  if (records.join() !== expected.join()) throw new Error(`${records} came, not ${expected}`);
}

/** Keeps progress in one of the two ways, and holds each step against what the outputs have finished. */
function progressOf(life: Life, log: ReturnType<typeof memoryLog>) {
  let current: readonly Seen[] = [];
  let kept: readonly number[] = [];
  let start: readonly number[] = [];
  const keep = (ends: readonly number[]): void => {
    for (const [partition, until] of ends.entries()) {
      for (const { finished } of current) {
        const reached = Math.max(start[partition] ?? 0, ...finished.map((ends) => ends[partition] ?? 0));
        if (until > reached) throw new Error(`${until} is kept, but only ${reached} was reached`);
      }
    }
    kept = ends;
  };
  const memory = memoryCheckpoint();
  const checkpoint: Checkpoint = {
    location: 'memory',
    open: () =>
      from(memory.open()).pipe(
        map((session): CheckpointSession => {
          const save: CheckpointSession['save'] = (batch) => {
            const ends: number[] = [];
            for (const { partition, offset } of batch.positions.log ?? []) ends[partition] = offset;
            keep(ends);
            return session.save(batch);
          };
          return { ...session, save };
        }),
      ),
  };
  const committing = log.commit.bind(log);
  log.commit = (groupId, positions) => {
    const ends = [...kept];
    for (const { partition, offset } of positions) ends[partition] = offset;
    if (life.keeps === 'offsets') keep(ends);
    return committing(groupId, positions);
  };
  return {
    options: life.keeps === 'checkpoint' ? { checkpoint } : { groupId: 'g' },
    starts: (seen: readonly Seen[]) => {
      current = seen;
      start = kept;
    },
    start: () => start,
  };
}
