import { Batch } from '../../batch/batch.js';
import { eventTimeOf, withEventTime } from '../../batch/eventTime.js';
import { TimedRecords } from './timedRecords.js';
import { visitPartition } from './visitRecords.js';

/** Puts the records of a batch into other partitions; the event times go along. `target` returns the place of a record. */
export function spreadRecords<T>(
  operator: string,
  batch: Batch<T>,
  partitions: number,
  target: (record: T) => number,
): Batch<T> {
  const eventTime = eventTimeOf(batch);
  const spread = Array.from({ length: partitions }, () => new TimedRecords<T>(eventTime?.clock));
  const put = (record: unknown): void => spread[target(record as T)]?.add(record as T);
  for (let i = 0; i < batch.partitions.length; i++) visitPartition([], batch, i, put, { last: { operator } });
  const result = new Batch(
    spread.map((records, index) => records.partition({ index })),
    batch.context,
  );
  return eventTime ? withEventTime(result, eventTime) : result;
}
