import type { InFlightBatch } from './batchFormation.js';
import { CostLine } from './costLine.js';
import { CostNoise } from './costNoise.js';
import { ShiftDetector } from './shiftDetector.js';

/** The first batches are taken as they are: there is nothing yet to compare an outlier with. */
const unquestionedBatches = 3;
/** A batch that took up to this many intervals was processed in time. */
const maxInTimeIntervals = 1.2;
/** A batch larger than this many times the recent ones is news of the slope, never an outlier. */
const minLargerFactor = 1.5;
/** How fast it is forgotten how large recent batches were. */
const recencyPerBatch = 0.95;
/** How much dearer than learned one batch can make the others look. */
const maxSuspectedFactor = 8;
/** Clocks count whole ms: less is a difference of nothing, and a batch that took none took half of one. */
const clockTickMs = 1;

/** What waits to be done, and by how much everything is suspected to cost more than was learned. */
export interface PendingWork {
  /** In ms. */
  readonly work: number;
  readonly factor: number;
}

/** Learns what batches cost from complete ones, and judges running ones by it. */
export class CostLearner {
  readonly line: CostLine;
  readonly noise = new CostNoise();
  readonly #interval: number;
  readonly #shift = new ShiftDetector();
  readonly #memory: number;
  #seen = 0;
  /** Batches that the line rests on since the cost last changed. */
  #evidence = 0;
  #largestRecent = 0;
  #largestInTime = 0;
  #smallestLate = Infinity;
  /** Dearer outliers in a row, and the newest of them: perhaps the cost has changed. */
  #overruns = 0;
  #lastOverrun = 0;

  constructor(interval: number, memory: number) {
    this.#interval = interval;
    this.#memory = memory;
    this.line = new CostLine(memory);
  }

  get knows(): boolean {
    return this.#seen > 0;
  }

  /** Records of the largest batch that was processed in time. */
  get largestInTime(): number {
    return this.#largestInTime;
  }

  /** Records of the smallest batch that was not processed in time; `Infinity` when all were. */
  get smallestLate(): number {
    return this.#smallestLate;
  }

  /** How far the prediction may be off, as a part of it: one standard error. */
  get uncertainty(): number {
    return this.noise.scatter / Math.sqrt(Math.max(1, this.#evidence));
  }

  /** A batch with records is complete. */
  observe(records: number, elapsed: number): void {
    const cost = Math.max(elapsed, clockTickMs / 2);
    this.#seen++;
    if (cost > maxInTimeIntervals * this.#interval) this.#smallestLate = Math.min(this.#smallestLate, records);
    const beyond = records > minLargerFactor * this.#largestRecent;
    this.#largestRecent = Math.max(recencyPerBatch * this.#largestRecent, records);
    if (this.#seen <= unquestionedBatches || beyond) this.#accept(records, cost);
    else this.#judge(records, cost);
  }

  /**
   * What the batches in flight still cost. That a running batch takes too long is evidence before it ends: if outliers
   * are not known here, the batches behind it are taken to cost as much more.
   */
  pending(inFlight: readonly InFlightBatch[]): PendingWork {
    const suspected = this.#suspected;
    let factor = suspected;
    let work = 0;
    for (const { records, runningFor } of inFlight) {
      if (records <= 0) continue;
      const expected = this.line.predict(records);
      if (runningFor === undefined) {
        work += expected * factor;
        continue;
      }
      const late = runningFor > expected * suspected * Math.exp(this.noise.threshold);
      if (late && (this.#overruns > 0 || !this.noise.knowsOutliers())) {
        factor = Math.min(maxSuspectedFactor, runningFor / expected);
      }
      work += this.noise.remaining(expected * suspected, runningFor);
    }
    return { work, factor };
  }

  /** One dear batch where there were no outliers before is taken for a change, until the next one tells. */
  get #suspected(): number {
    if (this.#overruns === 0 || this.noise.knowsOutliers(this.#overruns)) return 1;
    return Math.min(maxSuspectedFactor, Math.exp(this.#lastOverrun));
  }

  #judge(records: number, cost: number): void {
    const expected = this.line.predict(records);
    const residual = Math.abs(cost - expected) < clockTickMs ? 0 : Math.log(cost / expected);
    const { scatter, threshold } = this.noise;
    const shifted = this.#shift.add(residual, scatter);
    if (shifted) {
      this.#change(records, shifted);
      this.#accept(records, cost);
      return;
    }
    this.noise.add(residual);
    if (Math.abs(residual) <= threshold) {
      this.#accept(records, cost);
      return;
    }
    this.#overruns = residual > 0 ? this.#overruns + 1 : 0;
    this.#lastOverrun = residual;
  }

  #accept(records: number, cost: number): void {
    this.line.add(records, cost);
    this.#evidence = Math.min(this.#memory, this.#evidence + 1);
    this.#overruns = 0;
    if (cost <= maxInTimeIntervals * this.#interval) this.#largestInTime = Math.max(this.#largestInTime, records);
  }

  /** The cost has changed: by the median residual since then. */
  #change(records: number, residuals: readonly number[]): void {
    const sorted = [...residuals].sort((a, b) => a - b);
    this.#evidence = residuals.length;
    const factor = Math.exp(sorted[sorted.length >> 1] ?? 0);
    this.line.scale(factor);
    this.noise.forgetNewest(residuals.length - 1);
    if (factor > 1) this.#largestInTime = Math.min(this.#largestInTime, records);
    else this.#smallestLate = Infinity;
  }
}
