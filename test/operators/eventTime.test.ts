import {
  aggregateByEventWindow,
  type EventTimeOptions,
  type EventTimeProgress,
  eventTime,
  foreachBatch,
  fromBatches,
  type InvalidTime,
  type LateRecord,
  mapRecords,
  type OffsetRange,
  sideOutput,
  transformBatch,
  type WindowResult,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import { describe, expect, it } from 'vitest';
import { runPlan } from '../eventtime/runPlan.js';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

standingCases<number, number>('eventTime', {
  records: [1, 2],
  make: () => eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
  throwing: (boom) => eventTime({ timestamp: boom, outOfOrderness: 0 }),
});

/** The event times of each batch and partition, with how far each partition is read. */
type Reads = readonly (readonly [times: readonly number[], end?: OffsetRange['end']])[];

/** Counts of windows of 10 ms, the late records and the progress, batch by batch at the times 1, 2 and so on. */
function counted(reads: readonly Reads[], options: Partial<EventTimeOptions<number>> = {}) {
  const partitions = (reads[0] ?? []).map((_, p) => reads.flatMap((read) => read[p]?.[0] ?? []));
  let until = partitions.map(() => 0);
  const plan = reads.map((read) => {
    until = until.map((offset, p) => offset + (read[p]?.[0].length ?? 0));
    return read.map(([, end], p) => ({ until: until[p] as number, end }));
  });
  const progress: EventTimeProgress[] = [];
  const run = runPlan<number, WindowResult<number>, LateRecord<number>>(partitions, plan, [], () => {
    const late = sideOutput<LateRecord<number>>();
    return {
      late,
      operator: (source: Parameters<ReturnType<typeof eventTime<number>>>[0]) =>
        source.pipe(
          eventTime<number>({
            timestamp: (at) => at,
            outOfOrderness: 0,
            id: 'time',
            progress: { next: (each) => void progress.push(each) },
            ...options,
          }),
          aggregateByEventWindow(count(), { window: 10, late, id: 'windows' }),
        ),
    };
  });
  return {
    windows: run.results.map((results) => results.map(({ start, value }) => `${start}: ${value}`).join(', ')),
    late: run.late.map(({ time, watermark, reason }) => `${time} < ${watermark} ${reason}`),
    watermarks: progress.map(({ watermark }) => watermark),
    progress,
  };
}

describe('eventTime', () => {
  it('passes records on as they are', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>('-a-b-|', { a: [5, 3], b: [] });
      const subs = '                  ^----!';
      const expected = '              -a-b-|';
      const result = source.pipe(eventTime({ timestamp: (at) => at, outOfOrderness: 0 }));
      expectBatches(result).toBe(expected, { a: [5, 3], b: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('closes a window with the batch in which the watermark reaches its end', () => {
    expect(counted([[[[5]]], [[[14]]], [[[15]]]], { outOfOrderness: 5 }).windows).toEqual(['', '', '0: 1']);
  });

  it('a record is late by the records before it in its partition, in the same batch or in another', () => {
    const together = counted([[[[10, 9]]]]);
    const apart = counted([[[[10]]], [[[9]]]]);
    expect(together.late).toEqual(['9 < 10 late']);
    expect(apart.late).toEqual(['9 < 10 late']);
    expect(counted([[[[15, 11]]]]).late).toEqual([]);
  });

  it('a record is not late because another partition is further', () => {
    const { late, windows } = counted([
      [[[100]], [[]]],
      [[[]], [[5]]],
      [[[]], [[100]]],
    ]);
    expect(late).toEqual([]);
    expect(windows).toEqual(['', '', '0: 1']);
  });

  it('a record that is late in its partition stays late while another partition keeps its window open', () => {
    const { late, windows } = counted([
      [[[100, 5]], [[1]]],
      [[[]], [[100]]],
    ]);
    expect(late).toEqual(['5 < 100 late']);
    expect(windows).toEqual(['', '0: 1']);
  });

  it('waits for a partition without a record until that is idle', () => {
    const read = (at: number): Reads => [[[at]], [[], 'caughtUp']];
    const { watermarks, progress } = counted([read(10), read(20), read(30), read(40)], { idleAfter: 2 });
    expect(watermarks).toEqual([-Infinity, -Infinity, 30, 40]);
    expect(progress[0]?.heldBackBy).toBe('t/1');
    expect(progress[3]?.partitions).toEqual([
      { partition: 't/0', newest: 40, status: 'active' },
      { partition: 't/1', newest: undefined, status: 'idle' },
    ]);
  });

  it('does not take a partition for idle while records wait in it', () => {
    const read = (at: number): Reads => [[[at]], [[], 'open']];
    expect(counted([read(10), read(20), read(30), read(40)], { idleAfter: 2 }).watermarks.at(-1)).toBe(-Infinity);
  });

  it('stops the idle clock in batches that do not know', () => {
    const end = (known: OffsetRange['end'], at: number): Reads => [[[at]], [[], known]];
    const reads = [
      end('caughtUp', 10),
      end(undefined, 20),
      end(undefined, 30),
      end('caughtUp', 40),
      end('caughtUp', 50),
    ];
    expect(counted(reads, { idleAfter: 2 }).watermarks).toEqual([-Infinity, -Infinity, -Infinity, -Infinity, 50]);
  });

  it('takes a record for late, and says why, that comes from an idle partition behind the watermark', () => {
    const reads: Reads[] = [
      [[[10]], [[10], 'caughtUp']],
      [[[30]], [[], 'caughtUp']],
      [[[50]], [[], 'caughtUp']],
      [[[60]], [[15], 'caughtUp']],
    ];
    const { late, watermarks } = counted(reads, { idleAfter: 2 });
    expect(late).toEqual(['15 < 50 idle']);
    expect(watermarks).toEqual([10, 10, 50, 50]);
  });

  it('with all partitions idle the newest counts, and batch time if that is wanted', () => {
    const quiet: Reads = [
      [[], 'caughtUp'],
      [[], 'caughtUp'],
    ];
    const reads: Reads[] = [[[[10]], [[30]]], quiet, quiet, quiet];
    expect(counted(reads, { idleAfter: 2 }).watermarks).toEqual([10, 10, 30, 30]);
    expect(counted(reads, { idleAfter: 2, advanceWhenIdle: true }).watermarks).toEqual([10, 10, 32, 33]);
  });

  it('closes everything when all partitions have ended', () => {
    const { windows, watermarks } = counted([
      [[[5], 'ended'], [[31]]],
      [
        [[], 'ended'],
        [[32], 'ended'],
      ],
    ]);
    expect(windows).toEqual(['0: 1', '30: 2']);
    expect(watermarks).toEqual([31, Infinity]);
  });

  it('gives windows of its last batch to a source that ends', () => {
    const given: (readonly WindowResult<number>[])[] = [];
    virtual(() => {
      fromBatches([[1, 2], [12]], { interval: 10 })
        .pipe(
          eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
          aggregateByEventWindow(count(), { window: 10 }),
          foreachBatch((windows) => void given.push(windows)),
        )
        .subscribe();
    });
    expect(given).toEqual([
      [],
      [
        { start: 0, end: 10, value: 2 },
        { start: 10, end: 20, value: 1 },
      ],
    ]);
  });

  it('refuses options that are out of range', () => {
    const make = (options: object) => () => eventTime({ timestamp: (at: number) => at, outOfOrderness: 0, ...options });
    expect(make({ outOfOrderness: Number.NaN })).toThrow('outOfOrderness (NaN) must be a finite number of at least 0');
    expect(make({ idleAfter: -1 })).toThrow('idleAfter (-1)');
    expect(make({ future: -1 })).toThrow('future (-1)');
    expect(make({ advanceWhenIdle: 1 })).toThrow('advanceWhenIdle (1) must be true or false');
    expect(make({ invalid: 'ignore' })).toThrow('invalid ("ignore") must be "error", "skip" or a sideOutput()');
    expect(make({ timestamp: 5 })).toThrow('timestamp (5) must be a function');
  });
});

/** What a stream fails with at this time, read at the batch time 10. */
function failureOf(at: unknown, options: Partial<EventTimeOptions<unknown>> = {}, startAt = 0): string | undefined {
  let message: string | undefined;
  virtual((scheduler) => {
    scheduler.schedule(() => {
      fromBatches<unknown>([[at]], { interval: 10, scheduler })
        .pipe(
          eventTime<unknown>({ timestamp: (time) => time as number, outOfOrderness: 0, ...options }),
          foreachBatch(() => {}),
        )
        .subscribe({
          error: (error: Error) => {
            message = error.message;
          },
        });
    }, startAt);
  });
  return message;
}

describe('a record without a valid event time', () => {
  it.each([
    [new Date(5), 'is a Date: return its getTime()'],
    ['1970-01-01', 'is a string: return Date.parse() of it'],
    [5n, 'is a bigint: return Number() of it'],
    [Number.NaN, 'is no finite number of milliseconds since the epoch'],
    [Infinity, 'is no finite number of milliseconds since the epoch'],
    [undefined, 'is no finite number of milliseconds since the epoch'],
    [-1, 'is before the epoch; a log that has no timestamp returns -1'],
  ])('%s fails the stream', (at, why) => {
    expect(failureOf(at)).toContain(why);
  });

  it('fails the stream if it is too far in the future', () => {
    expect(failureOf(3_600_010)).toBeUndefined();
    expect(failureOf(3_600_011)).toContain(
      'has an event time (3600011) beyond 3600010, the latest that `future` allows',
    );
    expect(failureOf(3_600_011, { future: Infinity })).toBeUndefined();
    expect(failureOf(500, { future: 0, arrival: () => 500 })).toBeUndefined();
    expect(failureOf(501, { future: 0, arrival: () => 500 })).toContain('beyond 500');
    expect(failureOf(1_800_000_000_000)).toContain('set `future: Infinity`, or use times near 0');
  });

  it('fails the stream if it looks like seconds', () => {
    expect(failureOf(1_700_000_000, {}, 1_700_000_000_000)).toContain('looks like seconds');
    expect(failureOf(5, {}, 1_700_000_000_000)).toBeUndefined();
  });

  it('goes to the side output, counts, and moves no watermark', () => {
    const invalid = sideOutput<InvalidTime<number>>();
    const refused: (readonly [number, string])[] = [];
    const results: unknown[] = [];
    const counts: unknown[] = [];
    virtual(() => {
      const batchObserver = { next: ({ eventTime }: { eventTime?: unknown }) => void counts.push(eventTime) };
      const windows = fromBatches([[5, -1, 9e9, 12, 8]], { interval: 10, batchObserver }).pipe(
        eventTime({ timestamp: (at) => at, outOfOrderness: 5, invalid }),
        aggregateByEventWindow(count(), { window: 10 }),
        foreachBatch((windows) => void results.push(...windows.map(({ value }) => value))),
      );
      invalid.subscribe(({ records }) =>
        refused.push(...records.map(({ record, reason }) => [record, reason] as const)),
      );
      windows.subscribe();
    });
    expect(refused).toEqual([
      [-1, 'invalid'],
      [9e9, 'future'],
    ]);
    expect(results).toEqual([2, 1]);
    expect(counts).toEqual([{ late: 0, partlyLate: 0, invalid: 2 }]);
  });
});

describe('an operator by event time', () => {
  const failure = (
    between: (
      source: ReturnType<ReturnType<typeof eventTime<number>>>,
    ) => ReturnType<ReturnType<typeof eventTime<number>>>,
  ) => {
    let caught: unknown;
    virtual(() => {
      between(fromBatches([[1]], { interval: 10 }))
        .pipe(aggregateByEventWindow(count(), { window: 10 }))
        .subscribe({
          error: (error) => {
            caught = error;
          },
        });
    });
    return caught;
  };

  it('refuses records without event times', () => {
    expect(failure((source) => source)).toMatchObject({
      code: 'MISSING_EVENT_TIME',
      operator: 'aggregateByEventWindow',
    });
    const timed = eventTime<number>({ timestamp: (at) => at, outOfOrderness: 0 });
    expect(
      failure((source) =>
        source.pipe(
          timed,
          mapRecords((at) => at),
        ),
      ),
    ).toBeUndefined();
    expect(
      failure((source) =>
        source.pipe(
          timed,
          transformBatch((records) => records),
        ),
      ),
    ).toMatchObject({
      code: 'MISSING_EVENT_TIME',
    });
  });

  it('goes by the times of the last eventTime before it', () => {
    const results: unknown[] = [];
    virtual(() => {
      fromBatches([[1, 2, 3]], { interval: 10 })
        .pipe(
          eventTime({ timestamp: () => 500, outOfOrderness: 0 }),
          mapRecords((n) => n * 10),
          eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
          aggregateByEventWindow(count(), { window: 20 }),
          foreachBatch((windows: readonly WindowResult<number>[]) => void results.push(...windows)),
        )
        .subscribe();
    });
    expect(results).toEqual([
      { start: 0, end: 20, value: 1 },
      { start: 20, end: 40, value: 2 },
    ]);
  });

  it('takes the windows of another, which are late nowhere', () => {
    const results: unknown[] = [];
    virtual(() => {
      fromBatches([[1, 12], [13], [44]], { interval: 10 })
        .pipe(
          eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
          aggregateByEventWindow(count(), { window: 10 }),
          aggregateByEventWindow(count(), { window: 20 }),
          foreachBatch((windows: readonly WindowResult<number>[]) => void results.push(...windows)),
        )
        .subscribe();
    });
    expect(results).toEqual([
      { start: 0, end: 20, value: 2 },
      { start: 40, end: 60, value: 1 },
    ]);
  });
});
