import {
  type BatchInfo,
  costModel,
  foreachBatch,
  limitRate,
  logBatches,
  memoryLog,
  pid,
  type RateControllerFactory,
  string,
} from 'dstream';
import { interval, type SchedulerLike, timer, VirtualTimeScheduler } from 'rxjs';
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
