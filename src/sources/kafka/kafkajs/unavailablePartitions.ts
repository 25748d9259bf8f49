import type { DStreamError } from '../../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../../batch/topicPartition.js';

/** Pauses between the attempts to read one partition. */
const firstPauseMs = 100;
const maxPauseMs = 1_000;

/** A partition that cannot be read at present. Times are on the monotonic clock. */
export interface UnavailableEntry extends TopicPartition {
  readonly error: DStreamError;
  readonly since: number;
  /** When it may be asked for again. */
  readonly retryAt: number;
  readonly pauseMs: number;
}

/** The partitions that cannot be read at present, each with the last error and since when. */
export class UnavailablePartitions {
  readonly #entries = new Map<string, UnavailableEntry>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** An attempt has failed. Returns for how long all of them have, in ms. */
  failed({ topic, partition }: TopicPartition, error: DStreamError): number {
    const key = partitionKey({ topic, partition });
    const now = this.#now();
    const known = this.#entries.get(key);
    const since = known?.since ?? now;
    const pauseMs = Math.min(known ? 2 * known.pauseMs : firstPauseMs, maxPauseMs);
    this.#entries.set(key, { topic, partition, error, since, retryAt: now + pauseMs, pauseMs });
    return now - since;
  }

  answered(partition: TopicPartition): void {
    if (this.#entries.size > 0) this.#entries.delete(partitionKey(partition));
  }

  has(partition: TopicPartition): boolean {
    return this.#entries.has(partitionKey(partition));
  }

  /** Whether it has failed so lately that it is not asked for again yet. */
  waits(partition: TopicPartition): boolean {
    const entry = this.#entries.size > 0 ? this.#entries.get(partitionKey(partition)) : undefined;
    return entry !== undefined && this.#now() < entry.retryAt;
  }

  get list(): readonly UnavailableEntry[] {
    return [...this.#entries.values()];
  }
}
