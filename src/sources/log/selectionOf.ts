import type { PartitionSelection } from '../../batch/partitionSelection.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { murmur2 } from '../../partitioning/murmur2.js';

/** Names partitions by their places, in whatever order they are given. */
export function selectionOf(partitions: readonly TopicPartition[]): PartitionSelection {
  const [[first, ...others]] = [partitions.map(nameOf).sort(byPlace)] as [[PlaceName, ...PlaceName[]]];
  if (others.length === 0) return { first: first.name, all: first.name };
  const hash = murmur2(new TextEncoder().encode([first, ...others].map(({ name }) => name).join()));
  return { first: first.name, all: `${first.name}_${(hash >>> 0).toString(16).padStart(8, '0')}` };
}

interface PlaceName extends TopicPartition {
  readonly name: string;
}

/** The name can be a part of the name of a file. */
function nameOf({ topic, partition }: TopicPartition): PlaceName {
  return { topic, partition, name: `${encodeURIComponent(topic)}-${partition}` };
}

function byPlace(a: PlaceName, b: PlaceName): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;
}
