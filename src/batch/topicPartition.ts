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
  /** The id of the topic, in logs that have ids: a topic that was deleted and created again has another. */
  readonly topicId?: string;
  /** The leader epoch of the last record batch before the offset, where it is known: a log that was truncated shows by it. */
  readonly leaderEpoch?: number;
  /**
   * Of a source with receivers that can go on: where each goes on, by its number, such as the id of the last event before the
   * offset; an empty string where it began without one.
   */
  readonly receiverPositions?: readonly string[];
  /** Where bounded reading of the partition ends, if that was the latest offset when the stream began: it is decided once. */
  readonly endsAt?: number;
}

/** One string for topic and partition, to key maps by. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Each by its `partitionKey`. */
export function byPlace<P extends TopicPartition>(places: readonly P[]): ReadonlyMap<string, P> {
  return new Map(places.map((place) => [partitionKey(place), place]));
}
