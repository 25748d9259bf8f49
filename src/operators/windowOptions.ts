import { type OptionChecks, required } from '../options/checkOptions.js';
import { checkInteger, checkMultiple, checkPositiveInteger, checkText, oneOf } from '../options/checks.js';

/** Options of every operator over a sliding window. */
export interface WindowOptions {
  /** Length of the window, in ms, a multiple of the batch interval. The window at time t contains the batches in (t - window, t]. */
  readonly window: number;
  /**
   * Time between two results, in ms, a multiple of the batch interval.
   * @default the batch interval
   */
  readonly slide?: number | undefined;
  /**
   * Results are due at `offset` + k * `slide`, for every integer k: in ms, any multiple of the batch interval, also below 0. For days that
   * begin at midnight of UTC+05:30 it is `-5.5 * 3_600_000`.
   * @default 0
   */
  readonly offset?: number | undefined;
  /**
   * What `offset` is counted from: `'epoch'`, so that windows follow the clock whenever the job has started, or `'zeroTime'`, the batch
   * time before the first batch of the stream, as in Spark.
   * @default 'epoch'; `'zeroTime'` where a checkpoint of 0.1 is continued and neither `offset` nor `alignTo` is set
   */
  readonly alignTo?: 'epoch' | 'zeroTime' | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** What each option must be; that they are multiples of the interval is known at the first batch. */
export const windowChecks: OptionChecks<WindowOptions> = {
  window: required(checkPositiveInteger),
  slide: checkPositiveInteger,
  offset: checkInteger,
  alignTo: oneOf('epoch', 'zeroTime'),
  id: checkText,
};

/** Called at the first batch, which has the interval. Returns the slide. */
export function slideOf(operator: string, { window, slide, offset = 0 }: WindowOptions, interval: number): number {
  checkMultiple(operator, 'window', window, interval);
  if (slide !== undefined) checkMultiple(operator, 'slide', slide, interval);
  checkMultiple(operator, 'offset', offset, interval);
  return slide ?? interval;
}

/** A time at which a result is due, in ms: all others are multiples of the slide away. */
export function originOf({ offset = 0, alignTo = 'epoch' }: WindowOptions, zeroTime: number): number {
  return offset + (alignTo === 'zeroTime' ? zeroTime : 0);
}

/** What the panes of a checkpoint were saved for. */
export function windowSignature({ window, slide }: WindowOptions): string {
  return `window=${window} slide=${slide ?? 'interval'}`;
}
