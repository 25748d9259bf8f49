import type { TopicPartition } from './topicPartition.js';

/** The topics of partitions, each once. */
export function topicsOf(partitions: readonly Pick<TopicPartition, 'topic'>[]): readonly string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}
