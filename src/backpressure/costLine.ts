/** Sizes that differ by much less than this (variance over squared mean) say nothing of the slope. */
const minRelativeVariance = 0.08;
/** The cost per record is at least this part of the mean cost per record, while sizes hardly differ. */
const minSlopeFraction = 0.2;
const maxSlopeFraction = 2;
/** Batches after which the slope is worth keeping. */
const trustedBatches = 4;
/** What of the weight of the past is kept when the cost has changed. */
const keptWeightFraction = 0.2;
/**
 * Noise grows with the cost, so that small batches tell more. The full weight, cost ** -2, would follow too slowly where
 * batches grow, or cost more than in proportion; see docs/design/0007-cost-model.md.
 */
const weightOf = (cost: number): number => cost ** -0.5;

/**
 * The line `fixed + perRecord * records` through the costs of batches, by weighted least squares with exponential
 * forgetting.
 *
 * A controller that works well makes batches of one size, from which no slope can be learned. So far as sizes do not
 * differ, the slope is what it was, and only the level follows.
 */
export class CostLine {
  readonly #forget: number;
  #count = 0;
  #weight = 0;
  #n = 0;
  #nn = 0;
  #y = 0;
  #ny = 0;
  #fixed = 0;
  #perRecord = 0;

  /** @param memory how many batches are remembered */
  constructor(memory: number) {
    this.#forget = 1 - 1 / memory;
  }

  get fixed(): number {
    return this.#fixed;
  }

  get perRecord(): number {
    return this.#perRecord;
  }

  predict(records: number): number {
    return Math.max(this.#fixed + this.#perRecord * records, minSlopeFraction * this.#perRecord * records);
  }

  add(records: number, cost: number): void {
    this.#fade(this.#forget);
    // By the predicted cost: a batch that happened to be fast is no better evidence than one that was slow.
    const weight = weightOf(this.#count > 1 ? Math.max(1, this.predict(records)) : cost);
    this.#count++;
    this.#weight += weight;
    this.#n += weight * records;
    this.#nn += weight * records * records;
    this.#y += weight * cost;
    this.#ny += weight * records * cost;
    this.#fit();
  }

  /** Everything costs `factor` times as much from now on; the past is evidence of the shape only, and weak. */
  scale(factor: number): void {
    this.#y *= factor;
    this.#ny *= factor;
    this.#fixed *= factor;
    this.#perRecord *= factor;
    this.#fade(keptWeightFraction * weightOf(factor));
  }

  #fade(by: number): void {
    this.#weight *= by;
    this.#n *= by;
    this.#nn *= by;
    this.#y *= by;
    this.#ny *= by;
  }

  #fit(): void {
    const n = this.#n / this.#weight;
    const y = this.#y / this.#weight;
    const variance = Math.max(0, this.#nn / this.#weight - n * n);
    const mean = y / n;
    const spread = variance / (n * n);
    const before = this.#count > trustedBatches ? Math.min(this.#perRecord, mean) : mean;
    const trust = spread ** 2 / (spread ** 2 + minRelativeVariance ** 2);
    const slope = variance > 0 ? (this.#ny / this.#weight - n * y) / variance : before;
    const share = minSlopeFraction * Math.max(0, 1 - spread);
    // Above 0 always: a rate is divided by it.
    const low = Math.max(share * mean, 1e-9 * mean);
    this.#perRecord = Math.min(maxSlopeFraction * mean, Math.max(low, trust * slope + (1 - trust) * before));
    this.#fixed = y - this.#perRecord * n;
  }
}
