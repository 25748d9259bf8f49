import {
  type BatchInfo,
  costModel,
  foreachBatch,
  foreachPartition,
  fromBatches,
  type LogBatchesOptions,
  limitRate,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  pid,
  type RateControllerFactory,
  string,
  TimedOutError,
} from 'dstream';
import { from, interval, NEVER, type SchedulerLike, timer, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

const hour = 3_600_000;

/** Virtual time in which the clock, but no timer, is moved at a moment: what a system does that sets its clock. */
function movedClock(scheduler: SchedulerLike, at: number, by: number): SchedulerLike {
  return {
    now: () => scheduler.now() + (scheduler.now() >= at ? by : 0),
    schedule: scheduler.schedule.bind(scheduler),
  };
}

describe('a clock that is set back by an hour', () => {
  it('does not stop limitRate', () => {
    const passed = (by: number) => {
      const times: number[] = [];
      const virtual = new VirtualTimeScheduler(undefined, 60_000);
      const scheduler = movedClock(virtual, 5_000, by);
      interval(100, virtual)
        .pipe(limitRate({ rate: 10, burst: 1, maxQueue: 1_000, scheduler }))
        .subscribe(() => times.push(virtual.now()));
      virtual.flush();
      return times;
    };
    const [moved, steady] = [passed(-hour), passed(0)];
    expect(steady.length).toBeGreaterThan(590);
    // The time between the last look at the clock and its change is lost.
    expect(moved.length).toBeGreaterThanOrEqual(steady.length - 2);
    expect(Math.max(...moved.map((time, i) => time - (moved[i - 1] ?? 0)))).toBeLessThanOrEqual(300);
  });

  const run = (backpressure: RateControllerFactory, by: number): readonly BatchInfo[] => {
    const infos: BatchInfo[] = [];
    const virtual = new VirtualTimeScheduler(undefined, 90_000);
    const scheduler = movedClock(virtual, 20_500, by);
    const log = memoryLog({ topics: { t: 1 }, scheduler: virtual });
    log.append(
      't',
      Array.from({ length: 200_000 }, () => ({ value: 'x' })),
    );
    logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 1_000,
      deserialize: string(),
      scheduler,
      backpressure,
      initialRate: 500,
      batchObserver: { next: (info) => infos.push(info) },
    })
      .pipe(foreachBatch((records) => timer(records.length * (virtual.now() < 30_000 ? 1 : 4), virtual)))
      .subscribe();
    virtual.flush();
    return infos;
  };

  it.each([
    ['pid', pid()],
    ['costModel', costModel()],
  ])('gives no negative delays, and %s adapts to what happens afterwards', (_, controller) => {
    const [moved, steady] = [run(controller, -hour), run(controller, 0)];
    for (const { schedulingDelay, processingDelay, totalDelay, saveDelay, fetchDelay } of moved) {
      expect(Math.min(schedulingDelay, processingDelay, totalDelay, saveDelay, fetchDelay)).toBeGreaterThanOrEqual(0);
    }
    const rateAtEnd = (infos: readonly BatchInfo[]) => infos.at(-1)?.inputs.log?.rate ?? Number.NaN;
    // At 4 ms per record a second has room for 250.
    expect(rateAtEnd(moved)).toBeLessThan(300);
    expect(rateAtEnd(moved) / rateAtEnd(steady)).toBeCloseTo(1, 0);
    expect(moved.length).toBeGreaterThan(steady.length - 5);
  });
});

const year = 365 * 24 * hour;

/** Virtual time in which the clock, but no timer, is moved at several moments, in all by the last number of those passed. */
function jumpingClock(scheduler: SchedulerLike, jumps: readonly (readonly [at: number, by: number])[]): SchedulerLike {
  return {
    now: () => scheduler.now() + (jumps.findLast(([at]) => scheduler.now() >= at)?.[1] ?? 0),
    schedule: scheduler.schedule.bind(scheduler),
  };
}

describe('a clock that jumps by years while the stream runs', () => {
  const run = (
    jumps: readonly (readonly [number, number])[],
    options: Partial<LogBatchesOptions<string | null>> = {},
  ) => {
    const infos: BatchInfo[] = [];
    /** When batches came, by a clock that nobody moves. */
    const seen: { readonly at: number; readonly time: number; readonly records: number }[] = [];
    let wakings = 0;
    const virtual = new VirtualTimeScheduler(undefined, 60_000);
    const jumping = jumpingClock(virtual, jumps);
    const scheduler = {
      now: jumping.now,
      schedule: (...given: Parameters<SchedulerLike['schedule']>) => {
        wakings++;
        return jumping.schedule(...given);
      },
    } as SchedulerLike;
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    interval(500, virtual).subscribe((n) => log.append('t', [{ value: `${n}` }]));
    logBatches(log, {
      ...{ topics: ['t'], start: 'earliest', interval: 1_000, deserialize: string(), scheduler, ...options },
      batchObserver: { next: (info) => infos.push(info) },
    })
      .pipe(foreachBatch((records, { time }) => void seen.push({ at: virtual.now(), time, records: records.length })))
      .subscribe();
    virtual.flush();
    return { infos, seen, wakings };
  };

  it.each([
    ['forwards', [[20_500, 10 * year]]],
    ['back', [[20_500, -10 * year]]],
    [
      'forwards and back again',
      [
        [20_500, 10 * year],
        [30_500, 0],
      ],
    ],
    [
      'back and forwards again',
      [
        [20_500, -10 * year],
        [30_500, 0],
      ],
    ],
  ] as const)('%s: no record is lost, batch times rise, and nothing runs in circles', (_, jumps) => {
    const { seen, wakings } = run(jumps, { afterDowntime: { atMost: 50 } });
    const times = seen.map(({ time }) => time);
    expect(times.every((time, i) => time > (times[i - 1] ?? -1) && time % 1_000 === 0)).toBe(true);
    // One that is due at the very end may be missing.
    expect(seen.reduce((sum, { records }) => sum + records, 0)).toBeGreaterThanOrEqual(116);
    // At its pace before, after and between the jumps, and no more than was to be made up.
    const real = seen.filter(({ records }) => records > 0);
    expect(real.length).toBeGreaterThan(55);
    expect(Math.max(...real.map(({ at }, i) => at - (real[i - 1]?.at ?? 0)))).toBeLessThanOrEqual(2_000);
    expect(seen.length).toBeLessThanOrEqual(60 + 2 * 50);
    expect(wakings).toBeLessThan(20 * seen.length);
  });

  it('makes up no more batches than the default, and no delay is negative', () => {
    const { seen, infos } = run([[20_500, 10 * year]]);
    expect(seen.length).toBeLessThan(10_100);
    for (const { schedulingDelay, processingDelay, saveDelay } of infos) {
      expect(Math.min(schedulingDelay, processingDelay, saveDelay)).toBeGreaterThanOrEqual(0);
    }
  });

  it('knows how far a partition is behind once the clock is right again', () => {
    const { infos } = run(
      [
        [20_500, 10 * year],
        [30_500, 0],
      ],
      { maxRatePerPartition: 1, afterDowntime: 'one' },
    );
    expect(infos.at(-1)?.inputs.log?.partitions?.[0]?.behind).toBeLessThan(60_000);
  });

  it.each([
    ['pid', pid()],
    ['costModel', costModel()],
  ])('leaves %s with the rate that it had', (_, backpressure) => {
    const rates = (by: number) => {
      const { infos } = run([[20_500, by]], { backpressure, initialRate: 100, afterDowntime: 'one' });
      return infos.filter(({ records }) => records > 0).map(({ records }) => records);
    };
    const [moved, steady] = [rates(10 * year), rates(0)];
    expect(Math.abs(moved.reduce((a, b) => a + b, 0) - steady.reduce((a, b) => a + b, 0))).toBeLessThanOrEqual(4);
  });
});

describe('a clock that jumps by years between two runs', () => {
  it.each([
    ['forwards', 10 * year],
    ['back', -10 * year],
  ])('%s: batch times rise, and the pace is that of the interval', (_, by) => {
    const seen: { readonly at: number; readonly time: number; readonly records: number }[] = [];
    const virtual = new VirtualTimeScheduler(undefined, 60_000);
    const scheduler = jumpingClock(virtual, [
      [0, 20 * year],
      [15_000, 20 * year + by],
    ]);
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    interval(500, virtual).subscribe((n) => log.append('t', [{ value: `${n}` }]));
    const stream = logBatches(log, {
      ...{ topics: ['t'], start: 'earliest', interval: 1_000, deserialize: string(), scheduler },
      checkpoint: memoryCheckpoint(),
      afterDowntime: { atMost: 50 },
    });
    const start = () =>
      stream
        .pipe(foreachBatch((records, { time }) => void seen.push({ at: virtual.now(), time, records: records.length })))
        .subscribe();
    const first = start();
    virtual.schedule(() => first.unsubscribe(), 10_200);
    virtual.schedule(() => void start(), 20_200);
    virtual.flush();
    const times = seen.map(({ time }) => time);
    expect(times.every((time, i) => time > (times[i - 1] ?? -1))).toBe(true);
    expect(seen.reduce((sum, { records }) => sum + records, 0)).toBeGreaterThanOrEqual(116);
    expect(seen.length).toBeLessThanOrEqual(60 + 50);
    const late = seen.filter(({ at }) => at > 25_000);
    expect(late.length).toBeGreaterThanOrEqual(34);
  });
});

describe('a timer of 30 days', () => {
  const days = 24 * hour;
  /** As timers are: one that is to wait longer than 2^31 - 1 ms fires at once. */
  const real = (scheduler: SchedulerLike) =>
    ({
      now: () => scheduler.now(),
      schedule: (...[work, delay = 0, state]: Parameters<SchedulerLike['schedule']>) =>
        scheduler.schedule(work, delay > 2 ** 31 - 1 ? 1 : delay, state),
    }) as SchedulerLike;

  it('is waited for by limitRate', () => {
    const virtual = new VirtualTimeScheduler(undefined, 100 * days);
    const times: number[] = [];
    from('abc')
      .pipe(limitRate({ rate: 1 / (30 * 86_400), burst: 1, scheduler: real(virtual) }))
      .subscribe(() => times.push(virtual.now() / days));
    virtual.flush();
    expect(times.map(Math.round)).toEqual([0, 30, 60]);
  });

  it('is waited for by a retry of foreachPartition', () => {
    const virtual = new VirtualTimeScheduler(undefined, 100 * days);
    const times: number[] = [];
    const retries = { count: 2, delay: 30 * days, maxDelay: 30 * days };
    fromBatches([['a']], { interval: 1_000, scheduler: virtual, outputTimeout: Infinity, partitions: 1 })
      .pipe(
        foreachPartition(
          () => {
            times.push(Math.round(virtual.now() / days));
            throw new Error('not yet');
          },
          { retry: retries, scheduler: real(virtual) },
        ),
      )
      .subscribe({ error: () => {} });
    virtual.flush();
    expect(times).toEqual([0, 30, 60]);
  });

  it('is waited for by outputTimeout, and by the time that a stop may take', () => {
    const virtual = new VirtualTimeScheduler(undefined, 100 * days);
    let failed: number | undefined;
    fromBatches([['a']], { interval: 1_000, scheduler: real(virtual), outputTimeout: 30 * days })
      .pipe(foreachBatch(() => NEVER))
      .subscribe({
        error: (error) => {
          expect(error).toBeInstanceOf(TimedOutError);
          failed = Math.round(virtual.now() / days);
        },
      });
    let completed: number | undefined;
    const stopped = fromBatches([['a']], { interval: 1_000, scheduler: real(virtual), outputTimeout: Infinity });
    stopped.pipe(foreachBatch(() => NEVER)).subscribe({
      complete: () => {
        completed = Math.round(virtual.now() / days);
      },
    });
    virtual.schedule(() => void stopped.stop({ drainTimeout: 40 * days }), 5_000);
    virtual.flush();
    expect([failed, completed]).toEqual([30, 40]);
  });
});
