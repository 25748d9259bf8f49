export interface TopicPartitions<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

/** As Kafka's requests have partitions: by their topics, in the order in which these first come. */
export function byTopic<E extends { readonly topic: string }, P>(
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
