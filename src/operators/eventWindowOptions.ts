import { InvalidOptionError } from '../batch/errors.js';
import type { LateReason } from '../batch/eventTime.js';
import { SideOutput } from '../batch/sideOutput.js';
import type { WindowShape } from '../eventtime/windowNumbers.js';
import { checkPositiveInteger } from '../options/checks.js';
import type { NamedFeed } from './base/feeding.js';

/** A record that no window counts because it came too late, in the side output `late` of an event-time operator. */
export interface LateRecord<T> {
  /** The record. */
  readonly record: T;
  /** Its event time, in ms. */
  readonly time: number;
  /** The watermark that it is older than, in ms: of its partition just before it or, if more, of the stream before its batch. */
  readonly watermark: number;
  /**
   * `'late'`: by the records before it in its own partition. `'idle'`: its partition was idle, and the stream went on without it.
   * `'new'`: its partition was added when the stream was further.
   */
  readonly reason: LateReason;
}

/** The result of one window. */
export interface WindowResult<R> {
  /** Where the window begins, in ms; it contains records of this time. */
  readonly start: number;
  /** Where it ends, in ms; it contains no record of this time. */
  readonly end: number;
  /** The aggregate of its records. */
  readonly value: R;
}

/** Options of every operator over event-time windows. Lengths and times are in ms. */
export interface EventWindowOptions<T> {
  /** Length of the window, in ms. */
  readonly window: number;
  /**
   * Time from the start of one window to that of the next, in ms. Longer than the window: records in the gaps are in no window.
   * @default window (one window follows the other)
   */
  readonly slide?: number;
  /**
   * Windows begin at `offset` + k * `slide`, for every integer k: any integer, also below 0. By default they are aligned to the epoch.
   * @default 0
   */
  readonly offset?: number;
  /** Receives the records that no window counts because they came too late. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<T>>;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string;
}

/** @throws {InvalidOptionError} if an option is out of its range */
export function windowShapeOf<T>(operator: string, options: EventWindowOptions<T>): WindowShape {
  const { window, slide = window, offset = 0, late } = options;
  checkPositiveInteger(operator, 'window', window);
  checkPositiveInteger(operator, 'slide', slide);
  if (!Number.isSafeInteger(offset)) throw new InvalidOptionError(operator, 'offset', offset, 'must be an integer');
  checkLate(operator, late);
  return { window, slide, offset, allowedLateness: 0 };
}

/** @throws {InvalidOptionError} if the option `late` is not a side output */
export function checkLate(operator: string, late: unknown): void {
  if (late !== undefined && !SideOutput.is(late)) {
    throw new InvalidOptionError(operator, 'late', late, 'must be a sideOutput()');
  }
}

/** The feed of the option `late`, if it is given. */
export function lateFeeds<T>({
  late,
}: {
  readonly late?: SideOutput<LateRecord<T>> | undefined;
}): readonly NamedFeed[] {
  return late ? [['late', late, SideOutput.feedOf(late)]] : [];
}
