/** Partitions of one topic, in the shape that Kafka's requests and responses have. */
export interface TopicPartitions<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

/** Groups partitions by topic. Topics keep the order in which they first appear. */
export function groupByTopic<E extends { readonly topic: string }, P>(
  entries: readonly E[],
  project: (entry: E) => P,
): readonly TopicPartitions<P>[] {
  const topics = new Map<string, P[]>();
  for (const entry of entries) {
    const partitions = topics.get(entry.topic) ?? [];
    partitions.push(project(entry));
    topics.set(entry.topic, partitions);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
