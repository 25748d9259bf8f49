import { checkMultiple, checkPositiveInteger } from '../options/checks.js';

/** Options of every operator over a sliding window. */
export interface WindowOptions {
  /** Length of the window, in ms, a multiple of the batch interval. The window at time t contains the batches in (t - window, t]. */
  readonly window: number;
  /**
   * Time between two results, in ms, a multiple of the batch interval.
   * @default the batch interval
   */
  readonly slide?: number;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string;
}

/** Called with the operator, before any batch. */
export function checkWindow(operator: string, { window, slide }: WindowOptions): void {
  checkPositiveInteger(operator, 'window', window);
  if (slide !== undefined) checkPositiveInteger(operator, 'slide', slide);
}

/** Called at the first batch, which has the interval. Returns the slide. */
export function slideOf(operator: string, { window, slide }: WindowOptions, interval: number): number {
  checkMultiple(operator, 'window', window, interval);
  if (slide !== undefined) checkMultiple(operator, 'slide', slide, interval);
  return slide ?? interval;
}

/** What the panes of a checkpoint were saved for. */
export function windowSignature({ window, slide }: WindowOptions): string {
  return `window=${window} slide=${slide ?? 'interval'}`;
}
