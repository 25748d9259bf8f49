import {
  type Batch,
  type BatchStream,
  countByWindow,
  type DriverOptions,
  foreachBatch,
  fromBatches,
  InvalidOptionError,
  logBatches,
  mapRecords,
  mapWithState,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  sessionWindow,
  string,
} from 'dstream';
import { asyncScheduler, type OperatorFunction, type SchedulerLike, Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

type Downtime = NonNullable<DriverOptions['afterDowntime']>;

/** Times of the batches after a downtime from 25 to 100, and how many records each has. */
function batchesAfter(afterDowntime: Downtime | undefined): readonly (readonly [number, number])[] {
  const seen: (readonly [number, number])[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    const options = { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() } as const;
    const more = afterDowntime !== undefined && { afterDowntime };
    const stream = logBatches(log, { ...options, ...more, checkpoint: memoryCheckpoint() });
    const start = (note: boolean) =>
      stream.pipe(foreachBatch((records, { time }) => void (note && seen.push([time, records.length])))).subscribe();
    let running = start(false);
    for (let at = 5; at < 120; at += 10) scheduler.schedule(() => log.append('t', [{ value: 'x' }]), at);
    scheduler.schedule(() => running.unsubscribe(), 22);
    scheduler.schedule(() => {
      running = start(true);
    }, 102);
    scheduler.schedule(() => running.unsubscribe(), 122);
  });
  return seen;
}

describe('afterDowntime', () => {
  it.each([
    [
      'each',
      [
        [30, 8],
        [40, 0],
        [50, 0],
        [60, 0],
        [70, 0],
        [80, 0],
        [90, 0],
        [100, 0],
        [110, 1],
        [120, 1],
      ],
    ],
    [
      undefined,
      [
        [30, 8],
        [40, 0],
        [50, 0],
        [60, 0],
        [70, 0],
        [80, 0],
        [90, 0],
        [100, 0],
        [110, 1],
        [120, 1],
      ],
    ],
    [
      'one',
      [
        [100, 8],
        [110, 1],
        [120, 1],
      ],
    ],
    [
      { atMost: 3 },
      [
        [80, 8],
        [90, 0],
        [100, 0],
        [110, 1],
        [120, 1],
      ],
    ],
    [
      { atMost: 50 },
      [
        [30, 8],
        [40, 0],
        [50, 0],
        [60, 0],
        [70, 0],
        [80, 0],
        [90, 0],
        [100, 0],
        [110, 1],
        [120, 1],
      ],
    ],
  ] as const)('%j', (afterDowntime, expected) => {
    expect(batchesAfter(afterDowntime)).toEqual(expected);
  });

  it('lets windows slide over the time passed over', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      const options = { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() } as const;
      const stream = logBatches(log, { ...options, afterDowntime: 'one', checkpoint: memoryCheckpoint() });
      const start = () =>
        stream
          .pipe(
            countByWindow({ window: 20, id: 'count' }),
            foreachBatch(([count], { time }) => void seen.push([time, count])),
          )
          .subscribe();
      let running = start();
      for (const at of [5, 15]) scheduler.schedule(() => log.append('t', [{ value: 'x' }]), at);
      scheduler.schedule(() => running.unsubscribe(), 22);
      scheduler.schedule(() => {
        running = start();
      }, 102);
      scheduler.schedule(() => running.unsubscribe(), 112);
    });
    expect(seen).toEqual([
      [10, 1],
      [20, 2],
      [100, 0],
      [110, 0],
    ]);
  });

  it.each([
    [
      'a time-out of mapWithState',
      mapWithState<string, number, number, unknown>(
        (key, value, state) => {
          if (!state.isTimingOut) state.update(value ?? 0);
          return [key, state.isTimingOut ? 'timed out' : value];
        },
        { timeout: 40, id: 'state' },
      ),
      [
        [10, [['a', 1]]],
        [20, []],
        [100, [['a', 'timed out']]],
        [110, []],
      ],
    ],
    [
      'the gap of sessionWindow',
      sessionWindow<string, number>({ gap: 40, id: 'state' }),
      [
        [10, []],
        [20, []],
        [100, [['a', { start: 10, end: 10, value: [1] }]]],
        [110, []],
      ],
    ],
  ] as const)('ends %s within the time passed over in its one batch', (_, operator, expected) => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      const options = { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() } as const;
      const stream = logBatches(log, { ...options, afterDowntime: 'one', checkpoint: memoryCheckpoint() });
      const start = () =>
        stream
          .pipe(
            mapRecords((key) => [key ?? '', 1] as Pair<string, number>),
            operator as OperatorFunction<Batch<Pair<string, number>>, Batch<unknown>>,
            foreachBatch((records, { time }) => void seen.push([time, records])),
          )
          .subscribe();
      let running = start();
      scheduler.schedule(() => log.append('t', [{ value: 'a' }]), 5);
      scheduler.schedule(() => running.unsubscribe(), 22);
      scheduler.schedule(() => {
        running = start();
      }, 102);
      scheduler.schedule(() => running.unsubscribe(), 112);
    });
    expect(seen).toEqual(expected);
  });

  it('creates no more batches at once than it needs, however long the downtime', () => {
    // A clock that jumps by 60 hours at the second batch: 2,160,000 batches of 100 ms are due.
    let offset = 0;
    let most = 0;
    const seen: number[] = [];
    virtual((scheduler) => {
      const jumping: SchedulerLike = {
        now: () => scheduler.now() + offset,
        schedule: (...args: Parameters<SchedulerLike['schedule']>) => scheduler.schedule(...args),
      } as SchedulerLike;
      const stream: BatchStream<number> = scripted({ count: Infinity }).stream({
        interval: 100,
        scheduler: jumping,
        afterDowntime: 'each',
      });
      const running = new Subscription();
      running.add(
        stream
          .pipe(
            foreachBatch((_, { time }) => {
              seen.push(time);
              most = Math.max(most, stream.snapshot()?.waiting ?? 0);
              if (seen.length === 2) offset = 60 * 3_600_000;
              if (seen.length === 5_000) running.unsubscribe();
            }),
          )
          .subscribe(),
      );
    });
    expect(seen).toEqual(Array.from({ length: 5_000 }, (_, i) => (i + 1) * 100));
    expect(most).toBeLessThan(1_200);
  });

  it('gives the event loop its turns while it catches up', async () => {
    let turns = 0;
    const immediate = () => {
      turns++;
      next = setImmediate(immediate);
    };
    let next = setImmediate(immediate);
    let offset = 0;
    const jumping = {
      now: () => asyncScheduler.now() + offset,
      schedule: (...args: Parameters<SchedulerLike['schedule']>) => asyncScheduler.schedule(...args),
    } as SchedulerLike;
    await new Promise<void>((over) => {
      let count = 0;
      const running = fromBatches([], { interval: 10, emptyAfter: Infinity, scheduler: jumping })
        .pipe(
          foreachBatch(() => {
            count++;
            if (count === 1) {
              offset = 50_000;
              turns = 0;
            }
            if (count === 5_000) {
              running.unsubscribe();
              over();
            }
          }),
        )
        .subscribe();
    });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(50);
  });

  it('refuses anything else', () => {
    for (const afterDowntime of ['some', 3, null, {}, { atMost: 0 }, { atMost: 1.5 }] as unknown as Downtime[]) {
      expect(() => fromBatches([], { interval: 10, afterDowntime })).toThrow(InvalidOptionError);
    }
  });
});
