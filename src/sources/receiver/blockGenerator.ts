import { TokenBucket } from '../../backpressure/tokenBucket.js';
import { Fifo } from '../../collections/fifo.js';

/** The records of a block: from an offset up to, not including, another. */
export interface BlockRange {
  readonly from: number;
  readonly until: number;
}

/**
 * Decides which records are a block: knows their numbers only. Pure: times, in ms, are parameters.
 *
 *     base                     gathered            tickEnd             end
 *      |  block  | block | block  |  held back      |  arrived since    |
 *      +---------+-------+--------+-----------------+-------------------+> offsets
 *
 * At each tick the waiting records become a block, as many as the rate of the previous batch lets through. A batch takes as
 * many as its own rate allows: first the blocks, then what the previous rate held back. So a rate applies to the batch it
 * was decided for, and until the next batch to the size of the blocks.
 *
 * Source: Spark's `BlockGenerator` and `RateLimiter`.
 */
export class BlockGenerator {
  readonly #blockInterval: number;
  /** Ends of the blocks that no batch has taken. */
  readonly #ends = new Fifo<number>();
  /** Where a block must end, after `gathered`: records that were handed over together are one. */
  readonly #cuts = new Fifo<number>();
  #base: number;
  #gathered: number;
  #tickEnd: number;
  #end: number;
  #bucket: TokenBucket | undefined;
  /** Fraction of a record that the rate allowed and no batch could take. */
  #credit = 0;

  /** `offset` is that of the first record to come. */
  constructor(blockInterval: number, offset: number) {
    this.#blockInterval = blockInterval;
    this.#base = offset;
    this.#gathered = offset;
    this.#tickEnd = offset;
    this.#end = offset;
  }

  /** Records that no batch has taken. */
  get size(): number {
    return this.#end - this.#base;
  }

  /** Blocks that no batch has taken. */
  get blocks(): number {
    return this.#ends.size;
  }

  /** Offset of the first record that no batch has taken. */
  get base(): number {
    return this.#base;
  }

  /** Offset of the next record. */
  get end(): number {
    return this.#end;
  }

  /** Whether a tick may have work to do. */
  get ungathered(): boolean {
    return this.#end > this.#gathered;
  }

  push(count: number): void {
    this.#end += count;
  }

  /** A block ends after the last record, whatever comes. */
  cut(): void {
    if (this.#end > this.#gathered && this.#cuts.last !== this.#end) this.#cuts.push(this.#end);
  }

  dropOldest(): void {
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

  /**
   * Returns the blocks of a batch: as many records as `rate` (per second) allows, `undefined` meaning no limit, and at most
   * `most`.
   */
  take(rate: number | undefined, interval: number, now: number, most = Infinity): readonly BlockRange[] {
    let left = Math.min(this.#allowance(rate, interval), most);
    this.#limit(rate, now);
    this.#gather(Math.min(this.#tickEnd, this.#base + left) - this.#gathered);
    const blocks: BlockRange[] = [];
    while (left > 0 && this.#ends.first !== undefined) {
      const end = this.#ends.first;
      // Records of a block may have been dropped, even all of them.
      const count = Math.min(Math.max(end - this.#base, 0), left);
      if (count > 0) blocks.push({ from: this.#base, until: this.#base + count });
      this.#base += count;
      if (this.#base >= end) this.#ends.shift();
      left -= count;
    }
    return blocks;
  }

  #gather(count: number): void {
    if (count <= 0) return;
    const until = this.#gathered + count;
    while (this.#cuts.first !== undefined && this.#cuts.first < until) {
      const cut = this.#cuts.shift() as number;
      if (cut > this.#gathered) this.#ends.push(cut);
    }
    if (this.#cuts.first === until) this.#cuts.shift();
    this.#gathered = until;
    this.#ends.push(until);
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
