import { EMPTY, from, last, map } from 'rxjs';
import { partitionKey, type TopicPartition } from '../../batch/topicPartition.js';
import type { LogClient } from '../log/logClient.js';

/** What the source of one task sees of the log. */
export interface TaskView {
  /** The partition number of the task. */
  readonly partition: number;
  /** Whether the group had read this topic before the partition was added: everything in it is new then. */
  isAdded(topic: string): boolean;
}

/**
 * The client that all tasks of a process share, as the source of one task sees it: its topics have one partition each. Its owner connects
 * and closes it.
 */
export function taskClient(shared: LogClient, { partition, isAdded }: TaskView): LogClient {
  const isMine = (place: TopicPartition) => place.partition === partition;
  const { diverged, broker, address, describe, unavailable } = shared;
  return {
    name: shared.name,
    connect: () => EMPTY,
    partitions: (topics) =>
      from(shared.partitions(topics)).pipe(
        last(),
        map((all) => all.filter(isMine)),
      ),
    offsets: (partitions, point, options) => shared.offsets(partitions, point, options),
    committed: (groupId, partitions, options) =>
      from(shared.committed(groupId, partitions, options)).pipe(
        last(),
        map((found) => {
          const known = new Set(found.map(partitionKey));
          const added = partitions.filter((place) => !known.has(partitionKey(place)) && isAdded(place.topic));
          // A source reads a partition from its beginning if other partitions of the topic have a position.
          return [...found, ...added.map(({ topic }) => ({ topic, partition: -1, offset: 0 }))];
        }),
      ),
    commit: (groupId, positions, member) => shared.commit(groupId, positions, member),
    fetch: (requests, options) => shared.fetch(requests, options),
    ...(diverged && { diverged: (positions, options) => diverged.call(shared, positions, options) }),
    ...(broker && { broker: (place) => broker.call(shared, place) }),
    ...(address && { address: (of) => address.call(shared, of) }),
    ...(describe && { describe: () => describe.call(shared) }),
    ...(unavailable && { unavailable: () => unavailable.call(shared).filter(isMine) }),
    close: () => EMPTY,
  };
}
