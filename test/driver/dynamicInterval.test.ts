import {
  type Batch,
  type BatchInfo,
  batchesFrom,
  type Checkpoint,
  countByWindow,
  dynamicInterval,
  foreachBatch,
  InvalidOptionError,
  logBatches,
  logSource,
  type MemoryLog,
  memoryCheckpoint,
  memoryLog,
  pid,
  string,
  unionBatches,
  window,
} from 'dstream';
import { connect, merge, type Observable, type SchedulerLike, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

const intervals = dynamicInterval({ minInterval: 100, maxInterval: 2_000 });

/** One record every 10 ms, its value the time at which it came, until `until`. */
function feed(scheduler: SchedulerLike, log: MemoryLog, until: number, topic = 't'): void {
  scheduler.schedule(function () {
    if (scheduler.now() > until) return;
    log.append(topic, [{ value: String(scheduler.now()) }]);
    this.schedule(undefined, 10);
  }, 10);
}

interface Run {
  readonly infos: BatchInfo[];
  readonly batches: { readonly time: number; readonly interval: number; readonly values: readonly (string | null)[] }[];
  readonly windows: [time: number, count: number][];
}

interface Settings {
  /** What a batch costs, in ms, at a time. */
  readonly cost: (interval: number, time: number) => number;
  readonly until: number;
  readonly log?: MemoryLog;
  readonly checkpoint?: Checkpoint;
}

function run(
  scheduler: SchedulerLike,
  { cost, until, log = memoryLog({ topics: { t: 1 } }), checkpoint }: Settings,
): Run {
  const result: Run = { infos: [], batches: [], windows: [] };
  const stream = logBatches(log, {
    topics: ['t'],
    start: 'earliest',
    interval: 1_000,
    dynamicInterval: intervals,
    deserialize: string(),
    batchObserver: { next: (info) => result.infos.push(info) },
    ...(checkpoint && { checkpoint }),
  });
  // Both outputs are there before the first batch: what is planned from before comes at once.
  const outputs = connect<Batch<string | null>, Observable<unknown>>((batches) =>
    merge(
      batches.pipe(
        countByWindow({ window: 4_000, slide: 2_000, id: 'w' }),
        foreachBatch(([count = 0], { time }) => {
          result.windows.push([time, count]);
        }),
      ),
      batches.pipe(
        foreachBatch((values, { time, interval }) => {
          result.batches.push({ time, interval, values });
          return timer(cost(interval, time));
        }),
      ),
    ),
  );
  const subscription = stream.pipe(outputs).subscribe();
  scheduler.schedule(() => subscription.unsubscribe(), until);
  return result;
}

const last = ({ infos }: Run) => infos.at(-1)?.interval;

/** Every multiple of the slide has its window, and in it is what the batches of its time had. */
function checkWindows({ batches, windows }: Run, first: number): void {
  const ends = batches.map(({ time }) => time).filter((time) => time % 2_000 === 0);
  expect(ends).toEqual(Array.from({ length: ends.length }, (_, i) => first + 2_000 * i));
  const inside = (end: number) => batches.filter(({ time }) => time > end - 4_000 && time <= end);
  const expected = ends.map((end) => [end, inside(end).reduce((sum, { values }) => sum + values.length, 0)]);
  expect(windows).toEqual(expected);
}

describe('a stream with dynamicInterval', () => {
  it('comes to the shortest interval whose batches are processed in time', () => {
    let result: Run | undefined;
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 } });
      feed(scheduler, log, 30_000);
      // 80 + 0.4 x = 0.8 x at 200.
      result = run(scheduler, { log, until: 30_000, cost: (interval) => 80 + 0.4 * interval });
    });
    if (!result) throw new Error('did not run');
    expect(result.infos[0]?.interval).toBe(1_000);
    expect(last(result)).toBe(200);
    expect(result.infos.at(-1)).toMatchObject({ schedulingDelay: 0, records: 20 });
    checkWindows(result, 2_000);
  });

  it('makes longer batches when they cost more, and shorter ones again; windows go by time all along', () => {
    let result: Run | undefined;
    const dear = (time: number) => time > 12_000 && time <= 40_000;
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 } });
      feed(scheduler, log, 60_000);
      const cost = (interval: number, time: number) => (dear(time) ? 600 : 60) + 0.2 * interval;
      result = run(scheduler, { log, until: 60_000, cost });
    });
    if (!result) throw new Error('did not run');
    const between = (from: number, until: number) =>
      result?.infos.filter(({ time }) => time > from && time <= until).map(({ interval }) => interval) ?? [];
    // 60 / 0.6 = 100, and 600 / 0.6 = 1,000.
    expect(new Set(between(8_000, 12_000))).toEqual(new Set([100]));
    expect(new Set(between(30_000, 40_000))).toEqual(new Set([1_000]));
    expect(new Set(between(50_000, 60_000))).toEqual(new Set([100]));
    checkWindows(result, 2_000);

    const times = result.batches.map(({ time }) => time);
    expect(result.batches.slice(1).map(({ interval }) => interval)).toEqual(
      times.slice(1).map((time, i) => time - (times[i] ?? 0)),
    );
    const values = result.batches.flatMap((batch) => batch.values);
    expect(values).toEqual(Array.from({ length: values.length }, (_, i) => String(10 * (i + 1))));
  });

  it('goes on after a restart with the batches that were planned, each with its interval', () => {
    const log = memoryLog({ topics: { t: 1 } });
    const checkpoint = memoryCheckpoint();
    const runs: Run[] = [];
    virtual((scheduler) => {
      feed(scheduler, log, 40_000);
      const cost = (interval: number) => 600 + 0.2 * interval;
      runs.push(run(scheduler, { log, checkpoint, cost, until: 15_300 }));
      scheduler.schedule(() => runs.push(run(scheduler, { log, checkpoint, cost, until: 15_000 })), 21_700);
    });
    const [before, after] = runs;
    if (!before || !after) throw new Error('did not run');
    const saved = new Set(before.infos.map(({ time }) => time));
    const redone = before.batches.filter(({ time }) => !saved.has(time));
    expect(redone.length).toBeGreaterThan(0);
    expect(after.batches.slice(0, redone.length)).toEqual(redone);
    const whole = [...before.batches.filter(({ time }) => saved.has(time)), ...after.batches];
    const values = whole.flatMap((batch) => batch.values);
    expect(values).toEqual(Array.from({ length: values.length }, (_, i) => String(10 * (i + 1))));
    const windows = new Map([...before.windows, ...after.windows]);
    checkWindows({ infos: [], batches: whole, windows: [...windows] }, 2_000);
  });

  it('keeps the streams of one driver together while intervals change', () => {
    const sizes: number[] = [];
    const seen = new Set<number>();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { a: 1, b: 1 } });
      feed(scheduler, log, 20_000, 'a');
      feed(scheduler, log, 20_000, 'b');
      const source = (topic: string) => logSource(log, { topics: [topic], start: 'earliest', deserialize: string() });
      const { a, b } = batchesFrom(
        { a: source('a'), b: source('b') },
        { interval: 1_000, dynamicInterval: intervals, batchObserver: { next: ({ interval }) => seen.add(interval) } },
      );
      const output = foreachBatch<string | null>((records, { interval }) => {
        sizes.push(records.length);
        return timer(60 + 0.2 * interval);
      });
      const subscription = a.pipe(unionBatches(b), output).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 20_000);
    });
    expect(seen.size).toBeGreaterThan(2);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(3_800);
    expect(sizes.at(-1)).toBe(20);
  });

  it('refuses windows that are no multiple of the longest interval, whatever the interval is', () => {
    let error: unknown;
    virtual(() => {
      const stream = logBatches(memoryLog({ topics: { t: 1 } }), {
        topics: ['t'],
        interval: 100,
        dynamicInterval: intervals,
        deserialize: string(),
      });
      stream.pipe(window({ window: 3_000 })).subscribe({ error: (e: unknown) => (error = e) });
    });
    expect(String(error)).toContain('window (3000) must be a multiple of the batch interval (2000)');
  });

  it.each([
    [{ interval: 50 }, 'interval (50) must divide maxInterval (2000) and be at least minInterval (100)'],
    [{ interval: 300 }, 'interval (300) must divide maxInterval (2000)'],
    [{ interval: 4_000 }, 'interval (4000) must divide maxInterval (2000)'],
    [{ interval: 1_000, backpressure: pid() }, 'cannot be used with backpressure'],
  ])('refuses %j', (options, message) => {
    const start = () =>
      logBatches(memoryLog({ topics: { t: 1 } }), {
        topics: ['t'],
        deserialize: string(),
        dynamicInterval: intervals,
        ...options,
      });
    expect(start).toThrow(InvalidOptionError);
    expect(start).toThrow(message);
  });
});
