import { foreachBatch, logBatches, memoryCheckpoint, memoryLog, type StreamMonitor, string } from 'dstream';
import { retry, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

it('reports the lag of a batch that is replayed, to observers and monitors', () => {
  const lags: unknown[] = [];
  const planned: unknown[] = [];
  const monitor: StreamMonitor = {
    run: () => ({
      planned: ({ time, replayed, inputs }) => void planned.push([time, replayed, inputs.log?.lag]),
    }),
  };
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 2 }, scheduler });
    log.append(
      't',
      Array.from({ length: 100 }, (_, i) => ({ value: `${i}`, partition: i % 2 })),
    );
    let crashes = 1;
    const stream = logBatches(log, {
      ...{ topics: ['t'], start: 'earliest', interval: 10, maxRatePerPartition: 500, deserialize: string() },
      ...{ checkpoint: memoryCheckpoint(), monitors: [monitor], scheduler },
      batchObserver: {
        next: ({ time, inputs }) => {
          const partitions = inputs.log?.partitions?.map(({ lag }) => lag);
          lags.push([time, inputs.log?.lag, partitions]);
        },
      },
    });
    const running = stream
      .pipe(
        foreachBatch((_, { time }) => {
          if (time === 30 && crashes-- > 0) throw new Error('crash');
          return timer(1, scheduler);
        }),
        retry(1),
      )
      .subscribe();
    scheduler.schedule(() => running.unsubscribe(), 45);
  });
  expect(lags).toEqual([
    [10, 90, [45, 45]],
    [20, 80, [40, 40]],
    [30, 70, [35, 35]],
    [40, 60, [30, 30]],
  ]);
  expect(planned).toEqual([
    [10, false, 90],
    [20, false, 80],
    [30, false, 70],
    [30, true, 70],
    [40, false, 60],
  ]);
});
