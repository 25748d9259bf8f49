import { from, last, map, type ObservableInput } from 'rxjs';
import { UnknownTopicError } from '../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../batch/topicPartition.js';
import { topicsOf } from '../../batch/topicsOf.js';
import type { LogClient, LogPartition } from './logClient.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';

/**
 * The partitions that a source is to read.
 *
 * @throws {UnknownTopicError} (as a notification) when one does not exist
 */
export function wantedPartitions(
  client: LogClient,
  { topics, partitions = [] }: Pick<ResolvedLogSourceOptions<unknown>, 'topics' | 'partitions'>,
): ObservableInput<readonly LogPartition[]> {
  if (topics) return client.partitions(topics);
  // Explicit partitions are looked up too: one that does not exist is an error and not an endless wait.
  return from(client.partitions(topicsOf(partitions))).pipe(
    last(),
    map((existing) => selectPartitions(existing, partitions)),
  );
}

function selectPartitions(
  existing: readonly LogPartition[],
  wanted: readonly TopicPartition[],
): readonly LogPartition[] {
  const found = new Map(existing.map((partition) => [partitionKey(partition), partition]));
  return wanted.map((partition) => {
    const present = found.get(partitionKey(partition));
    if (!present) throw new UnknownTopicError(partitionKey(partition));
    return present;
  });
}
