import {
  aggregateByEventWindow,
  eventTime,
  foreachBatch,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { expect, it } from 'vitest';
import { contextAt } from '../../bench/windows/context.js';
import { Batch } from '../../src/batch/batch.js';
import { EventClock, eventTimeOf, timesOf, withEventTime, withTimes } from '../../src/batch/eventTime.js';
import { virtual } from '../support/virtual.js';

it('other records in a partition, or in a batch, have no event times', () => {
  const clock = new EventClock();
  const times = { times: [7], floors: [0], origins: [clock.origin], sequences: [0] };
  const partition = withTimes({ index: 0, records: ['a'] }, times);
  const batch = withEventTime(new Batch([partition], contextAt()(1)), { before: 0, after: 7, clock });
  expect(timesOf(partition)).toBe(times);
  expect(eventTimeOf(batch)).toMatchObject({ before: 0, after: 7 });

  const other = batch.withPartitions(({ records }) => [...records, 'b']);
  expect(eventTimeOf(other)).toBeUndefined();
  expect(other.partitions.map(timesOf)).toEqual([undefined]);
  expect(timesOf({ ...partition })).toBeUndefined();
});

it('a stop closes no window: what is open goes on after the restart', () => {
  const checkpoint = memoryCheckpoint();
  const given: unknown[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    log.append('t', [{ partition: 0, value: '3' }]);
    const run = () => {
      const batches = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        until: [{ topic: 't', partition: 0, offset: 2 }],
        interval: 10,
        deserialize: string(),
        checkpoint,
        scheduler,
      });
      batches
        .pipe(
          eventTime({ timestamp: Number, outOfOrderness: 0, id: 'time' }),
          aggregateByEventWindow(count(), { window: 10, id: 'windows' }),
          foreachBatch((windows) => given.push(...windows)),
        )
        .subscribe({ complete: () => given.push('complete') });
      return batches;
    };
    const first = run();
    scheduler.schedule(() => void first.stop(), 25);
    scheduler.schedule(() => {
      log.append('t', [{ partition: 0, value: '4' }]);
      run();
    }, 50);
  });
  expect(given).toEqual(['complete', { start: 0, end: 10, value: 2 }, 'complete']);
});
