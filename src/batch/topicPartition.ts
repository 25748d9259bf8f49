/** One partition of a topic. */
export interface TopicPartition {
  /** The topic. */
  readonly topic: string;
  /** The number of the partition, from 0. */
  readonly partition: number;
}

/** A position in a log: the offset of the next record to read of one partition. */
export interface TopicPartitionOffset extends TopicPartition {
  /** The offset of the next record. */
  readonly offset: number;
}

/** One string for topic and partition, to key maps by. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
