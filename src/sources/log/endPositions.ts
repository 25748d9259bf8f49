import { defer, from, last, map, mergeMap, type Observable, of } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import { partitionKey, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { LogClient } from './logClient.js';
import type { LogSourceOptions } from './logSourceOptions.js';

/** Where bounded reading ends, by partition. */
export type EndPositions = ReadonlyMap<string, number>;

/**
 * Where each partition ends that starts at these positions: at the point that `until` names, or at the offset that it lists (a
 * partition that is not listed ends at the latest offset). An end is fixed when the source is opened.
 *
 * Fails with an `InvalidOptionError` if a partition would end before it starts, because its end is no longer in the log for example.
 */
export function endPositions(
  owner: string,
  client: LogClient,
  starts: readonly TopicPartitionOffset[],
  until: NonNullable<LogSourceOptions<unknown>['until']>,
): Observable<EndPositions> {
  const point = Array.isArray(until) ? 'latest' : (until as Exclude<typeof until, readonly TopicPartitionOffset[]>);
  return defer(() => (starts.length === 0 ? of([]) : from(client.offsets(starts, point)).pipe(last()))).pipe(
    mergeMap((found) => {
      const ends = new Map(found.map((position) => [partitionKey(position), position.offset]));
      const listed = Array.isArray(until) ? (until as readonly TopicPartitionOffset[]) : [];
      for (const position of listed)
        if (ends.has(partitionKey(position))) ends.set(partitionKey(position), position.offset);
      const passed = starts.filter((start) => (ends.get(partitionKey(start)) ?? Infinity) < start.offset);
      return passed.length === 0 ? of(ends) : refused(owner, client, passed, ends, until);
    }),
  );
}

/** Why the first of these partitions cannot be read up to its end. */
function refused(
  owner: string,
  client: LogClient,
  passed: readonly TopicPartitionOffset[],
  ends: EndPositions,
  until: unknown,
): Observable<never> {
  const [start] = passed as readonly [TopicPartitionOffset];
  const end = ends.get(partitionKey(start)) ?? 0;
  return from(client.offsets([start], 'earliest')).pipe(
    last(),
    map(([earliest]): never => {
      const isGone = earliest !== undefined && end < earliest.offset;
      const why = isGone
        ? `which is no longer in the log (its first offset is ${earliest.offset})`
        : `before it starts (at ${start.offset})`;
      const rule = `ends ${start.topic}/${start.partition} at offset ${end}, ${why}`;
      throw new InvalidOptionError(owner, 'until', until, rule);
    }),
  );
}
