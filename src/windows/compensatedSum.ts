import { growRing, newNumberRing, type Ring } from './ring.js';
import { roundingError } from './roundingError.js';
import type { SlidingAggregator } from './slidingAggregator.js';

/** Largest ratio of magnitudes in one window: beyond it, small values would be lost in the rounding errors of large ones. */
const maxMagnitudeRatio = 2 ** 40;
/** Largest magnitude of which the sums of a window cannot overflow. */
const maxMagnitude = 2 ** 960;

/**
 * The sum of a sliding window of numbers, by subtraction, with an error that does not grow however long the stream runs: below
 * 1e-15 of the sum of the magnitudes.
 *
 * Three things bound the error. The rounding errors of the additions are summed beside the sum. The sum is refreshed: what
 * enters is also summed separately, and takes over when everything older has left, so a value that left is forgotten within one
 * window; that costs one addition per slide and no pause. And while the window contains a value that cannot be subtracted again
 * (not finite, or larger than another by more than 2^40), the older part is kept as a front of two stacks.
 *
 * A window with NaN, or with infinities of both signs, has the sum NaN until they have left. Intermediate sums beyond the
 * largest number are infinite, as in any loop over the values.
 *
 * Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974, with Knuth's two-sum.
 */
export class CompensatedSum implements SlidingAggregator<number> {
  #ring = newNumberRing(4) as Ring<number>;
  #head = 0;
  /** Values before it are the front; values from it on are the back, which is summed separately. */
  #split = 0;
  #tail = 0;
  // Sums and their rounding errors. They begin as fractions so that the engine keeps them off the heap.
  #sum = 0.5;
  #sumRest = 0.5;
  #back = 0.5;
  #backRest = 0.5;
  // Magnitudes, except zero, of the values before split and from split on.
  #frontMin = Infinity;
  #frontMax = 0.5;
  #backMin = Infinity;
  #backMax = 0.5;
  /** Whether the front is a stack: `#suffixes` and `#rests` hold, for each of its values, the sum from there to split. */
  #stacked = false;
  #suffixes = new Float64Array(0);
  #rests = new Float64Array(0);

  constructor() {
    this.clear();
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  insert(value: number): void {
    if (this.#tail - this.#head === this.#ring.length) this.#grow();
    this.#ring[this.#tail & (this.#ring.length - 1)] = value;
    this.#tail++;
    const back = this.#back + value;
    this.#backRest += roundingError(this.#back, value, back);
    this.#back = back;
    const magnitude = Math.abs(value);
    // NaN is within no range.
    if (!(magnitude <= this.#backMax && magnitude >= this.#backMin) && magnitude !== 0) this.#widen(magnitude);
    if (!this.#stacked) this.#add(value);
  }

  evict(count = 1): void {
    for (let i = Math.min(count, this.size); i > 0; i--) {
      if (this.#head === this.#split) this.#turn();
      if (!this.#stacked) this.#add(-(this.#ring[this.#head & (this.#ring.length - 1)] as number));
      this.#head++;
    }
    if (this.#head === this.#tail) this.#reset();
  }

  query(): number | undefined {
    if (this.#head === this.#tail) return undefined;
    if (this.#head === this.#split) return rounded(this.#back, this.#backRest);
    if (!this.#stacked) return this.#sum + this.#sumRest;
    const at = this.#head & (this.#ring.length - 1);
    const front = this.#suffixes[at] as number;
    const sum = front + this.#back;
    return rounded(sum, (this.#rests[at] as number) + this.#backRest + roundingError(front, this.#back, sum));
  }

  clear(): void {
    this.#ring = newNumberRing(4);
    this.#suffixes = new Float64Array(0);
    this.#rests = new Float64Array(0);
    this.#head = 0;
    this.#tail = 0;
    this.#reset();
  }

  #add(value: number): void {
    const sum = this.#sum + value;
    this.#sumRest += roundingError(this.#sum, value, sum);
    this.#sum = sum;
  }

  /** Everything in front of split has left: the back takes over, and a new one begins. */
  #turn(): void {
    this.#split = this.#tail;
    this.#sum = this.#back;
    this.#sumRest = this.#backRest;
    this.#frontMin = this.#backMin;
    this.#frontMax = this.#backMax;
    this.#beginBack();
    this.#stacked = this.#isWide();
    if (this.#stacked) this.#stack();
  }

  /** The window is empty. */
  #reset(): void {
    this.#split = this.#head;
    this.#sum = 0;
    this.#sumRest = 0;
    this.#frontMin = Infinity;
    this.#frontMax = 0;
    this.#stacked = false;
    this.#beginBack();
  }

  #beginBack(): void {
    this.#back = 0;
    this.#backRest = 0;
    this.#backMin = Infinity;
    this.#backMax = 0;
  }

  #widen(magnitude: number): void {
    if (magnitude < this.#backMin) this.#backMin = magnitude;
    if (!(magnitude <= this.#backMax)) this.#backMax = Number.isNaN(magnitude) ? Infinity : magnitude;
    if (this.#stacked || !this.#isWide()) return;
    this.#stacked = true;
    this.#stack();
  }

  #isWide(): boolean {
    const max = Math.max(this.#frontMax, this.#backMax);
    return max > maxMagnitude || max > Math.min(this.#frontMin, this.#backMin) * maxMagnitudeRatio;
  }

  #stack(): void {
    const { length } = this.#ring;
    if (this.#suffixes.length !== length) {
      this.#suffixes = new Float64Array(length);
      this.#rests = new Float64Array(length);
    }
    let suffix = 0;
    let rest = 0;
    for (let i = this.#split - 1; i >= this.#head; i--) {
      const at = i & (length - 1);
      const value = this.#ring[at] as number;
      const sum = suffix + value;
      rest += roundingError(suffix, value, sum);
      suffix = sum;
      this.#suffixes[at] = suffix;
      this.#rests[at] = rest;
    }
  }

  #grow(): void {
    this.#ring = growRing(this.#ring, newNumberRing, this.#head, this.#tail);
    if (this.#stacked) this.#stack();
  }
}

/** An infinite sum has no rounding error to add. */
function rounded(sum: number, rest: number): number {
  return Number.isFinite(sum) ? sum + rest : sum;
}
