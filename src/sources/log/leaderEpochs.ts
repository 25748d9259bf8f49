import type { EpochStart } from './recordReader.js';

/**
 * The leader epochs of what was read of one partition: offsets and epochs both rise. With them a position says in which log it was
 * reached, and a log that was truncated and written again can be told from it.
 *
 * Source: KIP-320, and the leader epoch cache of Kafka's brokers.
 */
export class LeaderEpochs {
  #starts: EpochStart[] = [];

  /** The epoch of the last record batch that begins before `offset`; `undefined` where it is unknown. */
  before(offset: number): number | undefined {
    let epoch: number | undefined;
    for (const start of this.#starts) {
      if (start.offset >= offset) break;
      epoch = start.leaderEpoch;
    }
    return epoch;
  }

  /** Notes what a fetch brought, or what is known of the record batches before a position. */
  add(starts: readonly EpochStart[]): void {
    for (const start of starts) {
      if (start.leaderEpoch > (this.#starts.at(-1)?.leaderEpoch ?? -1)) this.#starts.push(start);
    }
  }

  /** Drops what lies at `offset` and behind it. */
  cutAt(offset: number): void {
    this.#starts = this.#starts.filter((start) => start.offset < offset);
  }

  /** Drops what no offset from `offset` on needs. */
  forgetBefore(offset: number): void {
    const needed = this.#starts.findLastIndex((start) => start.offset < offset);
    if (needed > 0) this.#starts.splice(0, needed);
  }
}
