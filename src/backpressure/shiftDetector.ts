/** A shift of less than this, in standard deviations, is left to the fit. */
const driftDeviations = 0.9;
/** What one residual can weigh: two outliers in a row are a shift, one is not. */
const maxDeviations = 3.5;
const alarmDeviations = 5;
/** Residuals are measured in at least this. */
const minScatter = 0.05;

/**
 * Detects whether costs have shifted permanently, with two cumulative sums, one for higher and one for lower costs.
 *
 * Source: Page, "Continuous inspection schemes" (CUSUM), with bounded residuals so that a single outlier is no shift.
 */
export class ShiftDetector {
  readonly #sides = [side(1), side(-1)] as const;

  /** Takes a residual; returns the residuals since the shift, if there is one, and starts again. */
  add(residual: number, scatter: number): readonly number[] | undefined {
    const z = Math.min(maxDeviations, Math.max(-maxDeviations, residual / Math.max(scatter, minScatter)));
    for (const one of this.#sides) {
      one.sum = Math.max(0, one.sum + one.sign * z - driftDeviations);
      if (one.sum === 0) one.residuals = [];
      else one.residuals.push(residual);
    }
    const shifted = this.#sides.find(({ sum }) => sum > alarmDeviations)?.residuals;
    if (!shifted) return undefined;
    this.#reset();
    return sinceShift(shifted);
  }

  #reset(): void {
    for (const one of this.#sides) {
      one.sum = 0;
      one.residuals = [];
    }
  }
}

function side(sign: 1 | -1): { readonly sign: 1 | -1; sum: number; residuals: number[] } {
  return { sign, sum: 0, residuals: [] };
}

/**
 * The newest residuals, as many as one shift explains best by least squares. A sum may have been above 0 by chance for
 * some time before the shift, and those residuals tell nothing of it.
 */
function sinceShift(residuals: readonly number[]): readonly number[] {
  let sum = 0;
  let explainedMost = 0;
  let start = residuals.length - 1;
  for (let i = start; i >= 0; i--) {
    sum += residuals[i] ?? 0;
    const explained = sum ** 2 / (residuals.length - i);
    if (explained <= explainedMost) continue;
    explainedMost = explained;
    start = i;
  }
  return residuals.slice(start);
}
