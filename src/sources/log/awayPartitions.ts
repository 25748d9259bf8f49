import { partitionKey, type TopicPartition } from '../../batch/topicPartition.js';
import type { UnavailablePartition } from '../../batch/unavailablePartition.js';

/** The partitions that cannot be read now, as a client says, and since when. */
export class AwayPartitions {
  #entries: ReadonlyMap<string, UnavailablePartition> = new Map();

  /** What the client says now. */
  note(found: readonly Omit<UnavailablePartition, 'since'>[], now: number): void {
    if (found.length === 0 && this.#entries.size === 0) return;
    this.#entries = new Map(
      found.map(({ topic, partition, error }) => {
        const key = partitionKey({ topic, partition });
        return [key, { topic, partition, error, since: this.#entries.get(key)?.since ?? now }];
      }),
    );
  }

  has(partition: TopicPartition): boolean {
    return this.#entries.size > 0 && this.#entries.has(partitionKey(partition));
  }

  get list(): readonly UnavailablePartition[] {
    return [...this.#entries.values()];
  }
}
