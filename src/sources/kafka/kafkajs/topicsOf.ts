import type { TopicPartition } from '../../../batch/topicPartition.js';

export function topicsOf(partitions: readonly TopicPartition[]): readonly string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}
