/** How many residuals are remembered. */
const maxResiduals = 100;
/** What is believed before anything was seen: ten residuals of 0.2, that is, a scatter of 0.3. */
const priorResiduals: readonly number[] = Array.from({ length: 10 }, () => 0.2);
const minScatter = 0.02;
/** Smaller residuals are never outliers. */
const minThreshold = 0.3;
/** The normal distribution in eight equal parts, so that few residuals do not make a rough picture. */
const octiles = [-1.53, -0.89, -0.49, -0.16, 0.16, 0.49, 0.89, 1.53];
/** A batch that has run for longer than any before it has, by guess, this part of its time still before it. */
const unknownRestFraction = 0.3;

/**
 * How far costs scatter around what was predicted: the last residuals, `ln(cost / predicted)`, with outliers.
 *
 * The scatter is taken from the median residual, which a few outliers do not move; the remaining time of a running batch
 * from all residuals, because a batch that is an outlier behaves as outliers did before.
 */
export class CostNoise {
  readonly #residuals: number[] = [];
  #scatter = 0;

  constructor() {
    this.#measure();
  }

  /** Standard deviation of the residuals. */
  get scatter(): number {
    return this.#scatter;
  }

  /** Residuals beyond it are outliers. */
  get threshold(): number {
    return Math.max(minThreshold, 3 * this.#scatter);
  }

  get count(): number {
    return this.#residuals.length;
  }

  add(residual: number): void {
    this.#residuals.push(residual);
    if (this.#residuals.length > maxResiduals) this.#residuals.shift();
    this.#measure();
  }

  /** Forgets the newest: they were measured against a cost that is no longer true. */
  forgetNewest(count: number): void {
    this.#residuals.splice(Math.max(0, this.#residuals.length - count), count);
    this.#measure();
  }

  /** Whether expensive outliers were seen before the newest `except` residuals. */
  knowsOutliers(except = 0): boolean {
    const known = this.#residuals.slice(0, this.#residuals.length - except);
    return known.some((residual) => residual > this.threshold);
  }

  /**
   * How long, on average, a batch still runs that was expected to take `expected` and has run for `elapsed`. While it is
   * within what is usual it is not taken for an outlier: what to plan does not depend on a delay that cannot be helped.
   */
  remaining(expected: number, elapsed: number): number {
    const usual = elapsed < expected * Math.exp(2 * this.#scatter) ? this.threshold : Infinity;
    let rest = 0;
    let count = 0;
    const consider = (residual: number): void => {
      const cost = expected * Math.exp(residual);
      if (cost <= elapsed || residual > usual) return;
      rest += cost - elapsed;
      count++;
    };
    for (const residual of this.#residuals) consider(residual);
    for (const octile of octiles) consider(octile * this.#scatter);
    return count > 0 ? rest / count : unknownRestFraction * elapsed;
  }

  #measure(): void {
    const sizes = [...this.#residuals.map(Math.abs), ...priorResiduals].sort((a, b) => a - b);
    const middle = sizes.length >> 1;
    const upper = sizes[middle] ?? 0;
    const median = sizes.length % 2 === 1 ? upper : ((sizes[middle - 1] ?? 0) + upper) / 2;
    this.#scatter = Math.max(minScatter, 1.48 * median);
  }
}
