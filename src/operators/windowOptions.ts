import { checkMultiple, checkPositiveInteger } from '../options/checks.js';

/** What every operator over a sliding window takes. */
export interface WindowOptions {
  /** Length of the window in ms, a multiple of the batch interval. The window at time t has the batches in (t - window, t]. */
  readonly window: number;
  /**
   * How often there is a result, in ms, a multiple of the batch interval.
   * @default the batch interval
   */
  readonly slide?: number;
  /** Name of the state, stable across deployments; required with a checkpoint. */
  readonly id?: string;
}

/** Checked when the operator is called. */
export function checkWindow(operator: string, { window, slide }: WindowOptions): void {
  checkPositiveInteger(operator, 'window', window);
  if (slide !== undefined) checkPositiveInteger(operator, 'slide', slide);
}

/** Checked at the first batch, which tells the interval. Gives the slide. */
export function slideOf(operator: string, { window, slide }: WindowOptions, interval: number): number {
  checkMultiple(operator, 'window', window, interval);
  if (slide !== undefined) checkMultiple(operator, 'slide', slide, interval);
  return slide ?? interval;
}

/** Panes saved under other lengths would give other windows. */
export function windowSignature({ window, slide }: WindowOptions): string {
  return `window=${window} slide=${slide ?? 'interval'}`;
}
