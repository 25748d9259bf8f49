import { partitionKey, type TopicPartition } from '../../batch/topicPartition.js';

/** What a member of a group holds or does not hold as a whole: some partitions. */
export interface GroupTask {
  /** The same in every process. */
  readonly id: string;
  /** In order of topic and number. */
  readonly partitions: readonly TopicPartition[];
}

/** How the partitions of a group are divided into tasks. */
export type TaskLayout = (partitions: readonly TopicPartition[]) => readonly GroupTask[];

/** All partitions are one task. */
export const oneTask: TaskLayout = (partitions) =>
  partitions.length === 0 ? [] : [{ id: 'all', partitions: sorted(partitions) }];

/** A task is one partition number of all topics: records of one key are in one task if the topics have as many partitions. */
export const taskPerPartition: TaskLayout = (partitions) => {
  const byNumber = new Map<number, TopicPartition[]>();
  for (const place of sorted(partitions)) {
    const places = byNumber.get(place.partition);
    if (places) places.push(place);
    else byNumber.set(place.partition, [place]);
  }
  return [...byNumber]
    .sort(([a], [b]) => a - b)
    .map(([number, places]) => ({ id: String(number), partitions: places }));
};

/** Whether two lists have the same partitions, in whatever order. */
export function samePartitions(some: readonly TopicPartition[], others: readonly TopicPartition[]): boolean {
  const keys = new Set(some.map(partitionKey));
  return keys.size === others.length && others.every((place) => keys.has(partitionKey(place)));
}

function sorted(places: readonly TopicPartition[]): readonly TopicPartition[] {
  const byTopic = (a: TopicPartition, b: TopicPartition) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0);
  return [...places].sort((a, b) => byTopic(a, b) || a.partition - b.partition);
}
