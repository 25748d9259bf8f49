/** A shift of less than this, in standard deviations, is left to the fit. */
const drift = 0.9;
/** What one residual can weigh: two outliers in a row are a shift, one is not. */
const most = 3.5;
const alarm = 5;
/** Residuals are measured in at least this. */
const leastScatter = 0.05;

/**
 * Detects whether costs have shifted permanently, with two cumulative sums, one for higher and one for lower costs.
 *
 * Source: Page, "Continuous inspection schemes" (CUSUM), with bounded residuals so that a single outlier is no shift.
 */
export class ShiftDetector {
  readonly #sides = [side(1), side(-1)] as const;

  /** Takes a residual; returns the residuals since the shift, if there is one, and starts again. */
  add(residual: number, scatter: number): readonly number[] | undefined {
    const z = Math.min(most, Math.max(-most, residual / Math.max(scatter, leastScatter)));
    for (const one of this.#sides) {
      one.sum = Math.max(0, one.sum + one.sign * z - drift);
      if (one.sum === 0) one.residuals = [];
      else one.residuals.push(residual);
    }
    const shifted = this.#sides.find(({ sum }) => sum > alarm)?.residuals;
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
