import { positionAfter } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartitionOffset } from '../../batch/topicPartition.js';

/** How often offsets that have not moved are committed too: Kafka deletes them after a week without a commit. */
const commitAllIntervalMs = 3_600_000;

/** Which positions a group has to commit when batches are complete. */
export class RangeCommits {
  /** Where the log goes on after each range that has been read and not committed: the log may have changed meanwhile. */
  readonly #reached = new WeakMap<OffsetRange, TopicPartitionOffset>();
  readonly #committed = new Map<string, number>();
  #commitAllAt = 0;

  /** A range has been read, up to this position. */
  reached(range: OffsetRange, position: TopicPartitionOffset): void {
    this.#reached.set(range, position);
  }

  /** What is to be committed after these ranges, and counts as committed from now on. */
  take(ranges: readonly OffsetRange[], now: number): readonly TopicPartitionOffset[] {
    const all = now >= this.#commitAllAt;
    if (all) this.#commitAllAt = now + commitAllIntervalMs;
    const reached = ranges.map((range) => this.#reached.get(range) ?? positionAfter(range));
    const moved = reached.filter((position) => all || this.#committed.get(partitionKey(position)) !== position.offset);
    for (const position of moved) this.#committed.set(partitionKey(position), position.offset);
    return moved;
  }
}
