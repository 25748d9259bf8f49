import type { PartitionSelection } from '../../batch/partitionSelection.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { murmur2 } from '../../partitioning/murmur2.js';

/** Names partitions, in whatever order they are given; the names can be a part of the name of a file. */
export function selectionOf(partitions: readonly TopicPartition[]): PartitionSelection {
  const inOrder = [...partitions].sort((a, b) => a.partition - b.partition || (a.topic < b.topic ? -1 : 1));
  const names = inOrder.map(({ topic, partition }) => `${encodeURIComponent(topic)}-${partition}`);
  const first = names[0] as string;
  if (names.length === 1) return { first, all: first };
  const hash = murmur2(new TextEncoder().encode(names.join())) >>> 0;
  return { first, all: `${first}_${hash.toString(16).padStart(8, '0')}` };
}
