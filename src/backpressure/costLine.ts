/** Sizes that differ by less than this (variance over squared mean) say nothing of the slope. */
const identified = 0.05;
/** The cost per record is at least this part of the mean cost per record, while sizes hardly differ. */
const leastShare = 0.2;
const mostShare = 2;
/** So many batches make the slope worth keeping. */
const trusted = 4;
/** What of the weight of the past is kept when the cost has changed. */
const kept = 0.3;

/**
 * The line `fixed + perRecord * records` through the costs of batches, by least squares with exponential forgetting.
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
    return Math.max(this.#fixed + this.#perRecord * records, leastShare * this.#perRecord * records);
  }

  add(records: number, cost: number): void {
    this.#fade(this.#forget);
    this.#count++;
    this.#weight++;
    this.#n += records;
    this.#nn += records * records;
    this.#y += cost;
    this.#ny += records * cost;
    this.#fit();
  }

  /** Everything costs `factor` times as much from now on; the past is evidence of the shape only, and weak. */
  scale(factor: number): void {
    this.#y *= factor;
    this.#ny *= factor;
    this.#fixed *= factor;
    this.#perRecord *= factor;
    this.#fade(kept);
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
    const before = this.#count > trusted ? Math.min(this.#perRecord, mean) : mean;
    const trust = spread / (spread + identified);
    const slope = variance > 0 ? (this.#ny / this.#weight - n * y) / variance : before;
    const share = leastShare * Math.max(0, 1 - spread);
    // Above 0 always: a rate is divided by it.
    const low = Math.max(share * mean, 1e-9 * mean);
    this.#perRecord = Math.min(mostShare * mean, Math.max(low, trust * slope + (1 - trust) * before));
    this.#fixed = y - this.#perRecord * n;
  }
}
