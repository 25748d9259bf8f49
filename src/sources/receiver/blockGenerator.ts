import { TokenBucket } from '../../backpressure/tokenBucket.js';
import { Fifo } from '../../collections/fifo.js';
import type { Block } from './block.js';

/**
 * Gathers records into blocks. Pure: times, in ms, are given to it.
 *
 *     base                     gathered            ripe
 *      |  block  | block | block  |  held back      |  came since the last tick
 *      +---------+-------+--------+-----------------+-------------------------> offsets
 *
 * At each tick the records that wait become a block, as many as the rate of the batch before lets through. A batch takes
 * as many as its own rate allows: of the blocks first, and then of what was held back, for which the rate before was to
 * blame. So a rate acts on the batch for which it was decided, and until the next one on the size of the blocks.
 *
 * Source: Spark's `BlockGenerator` and `RateLimiter`.
 */
export class BlockGenerator<T> {
  readonly #blockInterval: number;
  readonly #waiting = new Fifo<T>();
  /** Where blocks end that no batch has taken. */
  readonly #ends = new Fifo<number>();
  #base: number;
  #gathered: number;
  #ripe: number;
  #bucket: TokenBucket | undefined;
  /** Part of a record that the rate allowed a batch and that no batch could take. */
  #owed = 0;

  /** `offset` is that of the first record to come. */
  constructor(blockInterval: number, offset: number) {
    this.#blockInterval = blockInterval;
    this.#base = offset;
    this.#gathered = offset;
    this.#ripe = offset;
  }

  /** Records that no batch has taken. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether a tick may have something to do. */
  get ungathered(): boolean {
    return this.#end > this.#gathered;
  }

  get #end(): number {
    return this.#base + this.#waiting.size;
  }

  push(record: T): void {
    this.#waiting.push(record);
  }

  dropOldest(): void {
    this.#waiting.shift();
    this.#base++;
    this.#gathered = Math.max(this.#gathered, this.#base);
    this.#ripe = Math.max(this.#ripe, this.#base);
  }

  /** The end of a block interval. */
  tick(now: number): void {
    this.#ripe = this.#end;
    const held = this.#ripe - this.#gathered;
    this.#gather(this.#bucket ? this.#bucket.takeUpTo(now, held) : held);
  }

  /** The blocks of a batch, as many records as `rate` (a second) allows; `undefined` for no limit. */
  take(rate: number | undefined, interval: number, now: number): readonly Block<T>[] {
    let left = this.#allowance(rate, interval);
    this.#limit(rate, now);
    this.#gather(Math.min(this.#ripe, this.#base + left) - this.#gathered);
    const blocks: Block<T>[] = [];
    while (left > 0 && this.#ends.first !== undefined) {
      const end = this.#ends.first;
      // Records of a block may have been dropped, even all of them.
      const count = Math.min(Math.max(end - this.#base, 0), left);
      if (count > 0) blocks.push({ from: this.#base, records: this.#shift(count) });
      if (this.#base >= end) this.#ends.shift();
      left -= count;
    }
    return blocks;
  }

  #gather(count: number): void {
    if (count <= 0) return;
    this.#gathered += count;
    this.#ends.push(this.#gathered);
  }

  #shift(count: number): readonly T[] {
    this.#base += count;
    return Array.from({ length: count }, () => this.#waiting.shift() as T);
  }

  /** Whole records. What is left of one is owed to the next batch, or a rate below one an interval would let none pass. */
  #allowance(rate: number | undefined, interval: number): number {
    if (rate === undefined) return Infinity;
    const allowed = this.#owed + (rate * interval) / 1_000;
    this.#owed = allowed % 1;
    return Math.floor(allowed);
  }

  /** A block is to have what comes in during its interval; one token more is kept for the parts of records. */
  #limit(rate: number | undefined, now: number): void {
    if (rate === undefined) {
      this.#bucket = undefined;
      return;
    }
    const burst = (rate * this.#blockInterval) / 1_000 + 1;
    if (this.#bucket) {
      this.#bucket.change(rate, burst, now);
      return;
    }
    this.#bucket = new TokenBucket(rate, burst, now);
    this.#bucket.take(now, burst);
  }
}
