import {
  costModel,
  foreachBatch,
  foreachPartition,
  json,
  logBatches,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type StreamMonitor,
  updateStateByKey,
} from 'dstream';
import { of, retry, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

/**
 * A job in virtual time that fails once, retries a partition once, hands one to its dead letters, skips a record, and writes to a
 * topic. `look` is called while it runs, at 4.5 s.
 */
export function monitoredRun(monitors: readonly StreamMonitor[], look: () => void): void {
  const scheduler = new TestScheduler(() => {});
  scheduler.run(({ flush }) => {
    const log = memoryLog({ topics: { orders: 2 }, scheduler });
    for (let i = 0; i < 6; i++) {
      log.append('orders', [{ key: `k${i}`, value: i === 3 ? 'oops' : String(i), timestamp: i }]);
    }
    let failures = 1;
    let refusals = 1;
    const stream = logBatches(log, {
      topics: ['orders'],
      start: 'earliest',
      interval: 1_000,
      deserialize: json<number>(),
      invalidRecords: 'skip',
      backpressure: costModel(),
      initialRate: 2,
      name: 'orders',
      checkpoint: memoryCheckpoint(),
      monitors,
    });
    const subscription = stream
      .pipe(
        mapRecords((n) => [n % 2, n]),
        updateStateByKey((values: readonly number[], sum: number = 0) => values.reduce((a, b) => a + b, sum), {
          id: 'sums',
        }),
        foreachPartition(({ index }) => (index === 0 && refusals-- > 0 ? throwError(() => 'busy') : timer(20)), {
          retry: { count: 1, delay: 5 },
        }),
        foreachPartition(
          ({ records }, { time }) => (time === 3_000 && records.length > 0 ? throwError(() => 'bad') : of(0)),
          {
            onError: { next: () => {} },
          },
        ),
        foreachBatch((records, { time, effects }) => {
          if (time === 2_000 && failures-- > 0) return throwError(() => new Error('full'));
          // As an output does that writes to a topic.
          effects?.sending({ operator: 'foreachBatch', system: 'kafka', topic: 'sums', records: records.length })();
          return of(0);
        }),
        retry({ delay: 100 }),
      )
      .subscribe();
    scheduler.schedule(look, 4_500);
    scheduler.schedule(() => subscription.unsubscribe(), 4_600);
    flush();
  });
}
