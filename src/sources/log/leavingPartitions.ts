import { catchError, concat, defer, last, map, type Observable, of, toArray } from 'rxjs';
import { UnknownTopicError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition } from '../../batch/topicPartition.js';
import { topicsOf } from '../../batch/topicsOf.js';
import type { LogClient, LogPartition } from './logClient.js';

export interface LeavingPartitions {
  readonly leaving: readonly LogPartition[];
  /** Planned ranges of partitions that are not there any more. */
  readonly lost: readonly OffsetRange[];
}

/**
 * The partitions that the source does not read any more, because its topics were changed, and that have a part in a batch that was
 * planned before: the batch is to have the same records again.
 *
 * @throws {UnknownTopicError} (as a notification) when one does not exist any more and the policy is `'error'`
 */
export function leavingPartitions(
  client: LogClient,
  read: readonly TopicPartition[],
  replay: readonly OffsetRange[],
  policy: 'error' | 'earliest' | 'latest',
): Observable<LeavingPartitions> {
  const present = new Set(read.map(partitionKey));
  const left = replay.filter((range) => range.until > range.from && !present.has(partitionKey(range)));
  const topics = topicsOf(left);
  return concat(...topics.map((topic) => partitionsOf(client, topic, policy))).pipe(
    toArray(),
    map((found) => {
      const existing = new Map(found.flat().map((partition) => [partitionKey(partition), partition]));
      const lost = left.filter((range) => !existing.has(partitionKey(range)));
      if (lost[0] && policy === 'error') throw new UnknownTopicError(partitionKey(lost[0]));
      const keys = new Set(left.map(partitionKey));
      return { leaving: [...existing.values()].filter((partition) => keys.has(partitionKey(partition))), lost };
    }),
  );
}

/** None of a topic that does not exist, unless that is an error. */
function partitionsOf(
  client: LogClient,
  topic: string,
  policy: 'error' | 'earliest' | 'latest',
): Observable<readonly LogPartition[]> {
  return defer(() => client.partitions([topic])).pipe(
    last(undefined, []),
    catchError((error: unknown) => {
      if (!(error instanceof UnknownTopicError) || policy === 'error') throw error;
      return of([]);
    }),
  );
}
