import { TokenBucket } from '../../backpressure/tokenBucket.js';
import { Fifo } from '../../collections/fifo.js';
import type { Block } from './writeAheadLog.js';

/**
 * Gathers records into blocks. Pure: times, in ms, are parameters.
 *
 *     base                     gathered            tickEnd
 *      |  block  | block | block  |  held back      |  arrived since the last tick
 *      +---------+-------+--------+-----------------+-------------------------> offsets
 *
 * At each tick the waiting records become a block, as many as the rate of the previous batch lets through. A batch takes as
 * many as its own rate allows: first the blocks, then what the previous rate held back. So a rate applies to the batch it
 * was decided for, and until the next batch to the size of the blocks.
 *
 * Source: Spark's `BlockGenerator` and `RateLimiter`.
 */
export class BlockGenerator<T> {
  readonly #blockInterval: number;
  readonly #waiting = new Fifo<T>();
  /** Ends of the blocks that no batch has taken. */
  readonly #ends = new Fifo<number>();
  #base: number;
  #gathered: number;
  #tickEnd: number;
  #bucket: TokenBucket | undefined;
  /** Fraction of a record that the rate allowed and no batch could take. */
  #credit = 0;

  /** `offset` is that of the first record to come. */
  constructor(blockInterval: number, offset: number) {
    this.#blockInterval = blockInterval;
    this.#base = offset;
    this.#gathered = offset;
    this.#tickEnd = offset;
  }

  /** Records that no batch has taken. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Blocks that no batch has taken. */
  get blocks(): number {
    return this.#ends.size;
  }

  /** The offset of the first record that no batch has taken. */
  get base(): number {
    return this.#base;
  }

  /** Whether a tick may have work to do. */
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
    this.#tickEnd = Math.max(this.#tickEnd, this.#base);
  }

  /** The end of a block interval. */
  tick(now: number): void {
    this.#tickEnd = this.#end;
    const held = this.#tickEnd - this.#gathered;
    this.#gather(this.#bucket ? this.#bucket.takeUpTo(now, held) : held);
  }

  /** Returns the blocks of a batch: as many records as `rate` (per second) allows; `undefined` means no limit. */
  take(rate: number | undefined, interval: number, now: number): readonly Block<T>[] {
    let left = this.#allowance(rate, interval);
    this.#limit(rate, now);
    this.#gather(Math.min(this.#tickEnd, this.#base + left) - this.#gathered);
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

  /** Whole records. The fraction goes to the next batch: otherwise a rate below one per interval would let none pass. */
  #allowance(rate: number | undefined, interval: number): number {
    if (rate === undefined) return Infinity;
    const allowed = this.#credit + (rate * interval) / 1_000;
    this.#credit = allowed % 1;
    return Math.floor(allowed);
  }

  /** The bucket holds what may arrive during a block interval, and one token more for fractions of records. */
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
