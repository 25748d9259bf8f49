import {
  aggregateByKeyAndEventWindow,
  aggregateByKeyAndWindow,
  asOfJoin,
  type Batch,
  type Checkpoint,
  countByValueAndWindow,
  deduplicate,
  deduplicateByEventTime,
  eventSessionWindow,
  eventTime,
  foreachBatch,
  groupByKeyAndEventWindow,
  groupByKeyAndWindow,
  intervalJoin,
  joinTable,
  type KeyedState,
  kafkaPartitioner,
  logBatches,
  logTasks,
  mapRecords,
  mapWithState,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  type RecordView,
  reduceByKeyAndEventWindow,
  reduceByKeyAndWindow,
  type StateDescription,
  sessionWindow,
  updateStateByKey,
} from 'dstream';
import { mean } from 'dstream/aggregators';
import { splitCheckpoint } from 'dstream/node';
import { memoryGroup } from 'dstream/testing';
import { defer, finalize, map, mergeMap, type Observable, type OperatorFunction, share } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../support/virtualClock.js';

const interval = 100;
const partitions = 8;
const halves = 12;
/** Event times are at it and after it. */
const epoch = 1_000_000;
const keys = Array.from({ length: 60 }, (_, i) => `key${i}`);
/** The first key of each partition: it is in every batch, with the latest time, so that the watermarks of all partitions are one. */
const steady = new Map(keys.map((key) => [kafkaPartitioner(key, partitions), key] as const).reverse());
const isSteady = (key: string) => steady.get(kafkaPartitioner(key, partitions)) === key;

type Event = Pair<string, number>;
type Events = Observable<Batch<Event>>;

/** The state of an operator of a user: what each key had, by the number of letters in it. */
const lengths: StateDescription<number, Record<string, number>> = {
  operator: 'countByLength',
  id: 'own',
  split: (_, counts, mine) => {
    const own = Object.entries(counts).filter(([key]) => mine(key));
    return own.length > 0 ? Object.fromEntries(own) : undefined;
  },
};

/** An operator as users write them, with what the library exports. */
function countByLength(events: Events): Observable<Batch<string>> {
  return defer(() => {
    let state: KeyedState<number, Record<string, number>> | undefined;
    const count = (batch: Batch<Event>): Batch<string> => {
      const { state: states, time } = batch.context;
      state ??= states.keyed(lengths);
      const kept = state;
      const counts = batch.records.map(([key]) => {
        const before = kept.get(key.length) ?? {};
        const n = (before[key] ?? 0) + 1;
        kept.set(key.length, { ...before, [key]: n });
        return `${key} was counted ${n} times`;
      });
      kept.snapshot(time);
      return batch.withRecords(counts);
    };
    return events.pipe(
      map(count),
      finalize(() => state?.close()),
    );
  });
}

const add = (a: number, b: number) => a + b;
const window = 5 * interval;
const slide = 2 * interval;
const latest = (rows: Events) => rows.pipe(mapRecords(([key, time]) => [key, `row ${time}`] as const));

/** Every operator whose state goes to the tasks of its keys, and one of a user. */
const operators: Readonly<Record<string, (events: Events) => Observable<Batch<unknown>>>> = {
  updateStateByKey: (events) =>
    events.pipe(updateStateByKey((values, total: number | undefined) => values.length + (total ?? 0), { id: 'it' })),
  mapWithState: (events) =>
    events.pipe(
      mapWithState<string, number, number, string>(
        (key, _, state) => {
          if (state.isTimingOut) return `${key} left with ${state.get()}`;
          state.update((state.get() ?? 0) + 1);
          return `${key} has ${state.get()}`;
        },
        { timeout: window, id: 'it' },
      ),
    ),
  sessionWindow: (events) => events.pipe(sessionWindow({ gap: 2 * interval, id: 'it' })),
  reduceByKeyAndWindow: (events) =>
    events.pipe(reduceByKeyAndWindow(add, { inverse: (a, b) => a - b, window, slide, id: 'it' })),
  aggregateByKeyAndWindow: (events) => events.pipe(aggregateByKeyAndWindow(mean(), { window, slide, id: 'it' })),
  groupByKeyAndWindow: (events) => events.pipe(groupByKeyAndWindow({ window, id: 'it' })),
  countByValueAndWindow: (events) =>
    events.pipe(
      mapRecords(([key]) => key),
      countByValueAndWindow({ window, id: 'it' }),
    ),
  deduplicate: (events) => events.pipe(deduplicate(([key]) => key, { window, id: 'it' })),
  joinTable: (events) => events.pipe(joinTable(latest(events), { id: 'it' })),
  eventSessionWindow: (events) => timed(events).pipe(eventSessionWindow({ gap: 2 * interval, id: 'it' })),
  reduceByKeyAndEventWindow: (events) =>
    timed(events).pipe(reduceByKeyAndEventWindow(add, { window, slide, id: 'it' })),
  aggregateByKeyAndEventWindow: (events) =>
    timed(events).pipe(aggregateByKeyAndEventWindow(mean(), { window, slide, id: 'it' })),
  groupByKeyAndEventWindow: (events) => timed(events).pipe(groupByKeyAndEventWindow({ window, id: 'it' })),
  deduplicateByEventTime: (events) =>
    timed(events).pipe(deduplicateByEventTime(([key]) => key, { within: window, id: 'it' })),
  intervalJoin: (events) => {
    const all = timed(events).pipe(share());
    return all.pipe(intervalJoin(all, { lower: -2 * interval, upper: interval, id: 'it' }));
  },
  countByLength,
  asOfJoin: (events) => {
    const all = timed(events).pipe(share());
    return all.pipe(asOfJoin(all, { maxAge: window, id: 'it' }));
  },
};

function timed(events: Events): Events {
  return events.pipe(eventTime({ timestamp: ([, time]) => time, outOfOrderness: 3 * interval, id: 'time' }));
}

/** What the operator writes, each line with the time of its batch. */
function linesOf(events: Events, operator: (events: Events) => Observable<Batch<unknown>>, lines: string[]) {
  const write: OperatorFunction<Batch<unknown>, unknown> = foreachBatch((records, { time }) => {
    for (const record of records) lines.push(`${time} ${JSON.stringify(record)}`);
  });
  return operator(events.pipe(share())).pipe(write);
}

type Log = ReturnType<typeof memoryLog>;

/** Appends the records of one batch after the other, from the clock's now on. Some keys pause, some come late. */
function send(log: Log, clock: VirtualClock, from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    const records = keys.flatMap((key, n) => {
      if (isSteady(key)) return [{ key, value: String(epoch + i * interval) }];
      const pauses = (n + i) % 3 === 0 || (n % 5 === 0 && i % 7 > 0);
      return pauses ? [] : [{ key, value: String(epoch + i * interval - (n % 4) * 70) }];
    });
    clock.schedule(() => log.append('words', records), (i - from + 0.5) * interval);
  }
}

const options = {
  topics: ['words'],
  groupId: 'job',
  start: 'earliest',
  interval,
  deserialize: (view: RecordView): Event => [view.keyText() ?? '', Number(view.valueText())],
  stepTimeout: Infinity,
  outputTimeout: Infinity,
  // Times begin at zero on each clock.
  afterDowntime: 'one',
} as const;

function run(work: (clock: VirtualClock) => { readonly running: Observable<unknown>; stop(): unknown }, count: number) {
  const clock = new VirtualClock();
  const { running, stop } = work(clock);
  let failure: unknown;
  running.subscribe({
    error: (error: unknown) => {
      failure = error;
    },
  });
  clock.schedule(() => void stop(), (count + 0.25) * interval + 1);
  clock.flush();
  if (failure) throw failure;
}

/** One process that reads all partitions. */
function inOne(name: string, log: Log, checkpoint: Checkpoint, count: number): readonly string[] {
  const lines: string[] = [];
  run((clock) => {
    send(log, clock, 0, count);
    const stream = logBatches(log, { ...options, checkpoint, scheduler: clock });
    return { running: linesOf(stream, operators[name] as never, lines), stop: () => stream.stop() };
  }, count);
  return lines;
}

function inTasks(name: string, log: Log, checkpoints: readonly Checkpoint[]): readonly string[] {
  const lines: string[] = [];
  run((clock) => {
    send(log, clock, halves, halves);
    const group = memoryGroup({ log, scheduler: clock });
    const checkpoint = ({ partition }: { readonly partition: number }) => checkpoints[partition] as Checkpoint;
    const tasks = logTasks(log, group, { ...options, checkpoint, scheduler: clock });
    const running = tasks.pipe(mergeMap((task) => linesOf(task, operators[name] as never, lines)));
    return { running, stop: () => tasks.stop() };
  }, halves);
  return lines;
}

describe('splitCheckpoint', () => {
  it.each(Object.keys(operators))('from one process to eight tasks: %s writes the same lines', async (name) => {
    const whole = inOne(name, memoryLog({ topics: { words: partitions } }), memoryCheckpoint(), 2 * halves);

    const log = memoryLog({ topics: { words: partitions } });
    const one = memoryCheckpoint();
    const before = inOne(name, log, one, halves);
    const parts = Array.from({ length: partitions }, () => memoryCheckpoint());
    const to = (partition: number) => parts[partition] as Checkpoint;
    await splitCheckpoint({ from: one, of: partitions, to, states: [lengths] });
    const after = inTasks(name, log, parts);
    expect(after.length).toBeGreaterThan(0);
    expect([...before, ...after].sort()).toEqual([...whole].sort());
  });
});
