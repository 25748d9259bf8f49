import { InvalidOptionError } from '../batch/errors.js';
import type { LateReason } from '../batch/eventTime.js';
import { SideOutput } from '../batch/sideOutput.js';
import type { WindowShape } from '../eventtime/windowNumbers.js';
import { type OptionChecks, required } from '../options/checkOptions.js';
import { checkInteger, checkNonNegative, checkPositiveInteger, checkText, oneOf } from '../options/checks.js';
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

/** A result of a window that may not be its last one: where `emit` is not `'final'`. */
export interface WindowUpdate<R> extends WindowResult<R> {
  /** Whether it is the last one: it counts what `emit: 'final'` would. */
  readonly final: boolean;
}

/** When the results of windows come: the option `emit` of event-time windows. */
export type WindowEmit = 'final' | 'corrections' | 'changes';

/** The result of a window, as `emit` says. */
export type EmittedWindow<R, E extends WindowEmit> = E extends 'final' ? WindowResult<R> : WindowUpdate<R>;

/** Options of every operator over event-time windows. Lengths and times are in ms. */
export interface EventWindowOptions<T, E extends WindowEmit = 'final'> {
  /** Length of the window, in ms. */
  readonly window: number;
  /**
   * Time from the start of one window to that of the next, in ms. Longer than the window: records in the gaps are in no window.
   * @default window (one window follows the other)
   */
  readonly slide?: number | undefined;
  /**
   * Windows begin at `offset` + k * `slide`, for every integer k: any integer, also below 0. By default they are aligned to the epoch.
   * @default 0
   */
  readonly offset?: number | undefined;
  /**
   * How long after its end a window still counts records, in ms of event time: it closes when the watermark reaches its end and this.
   * @default 0
   */
  readonly allowedLateness?: number | undefined;
  /**
   * `'final'`: a window comes once, when it closes. `'corrections'`: when the watermark reaches its end, again with each batch that
   * changes it, and a last time when it closes. `'changes'`: with each batch that changes it, and a last time when it closes. The
   * last result has `final: true`.
   * @default 'final'
   */
  readonly emit?: E | undefined;
  /** Receives the records that no window counts because they came too late. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<T>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** What each option must be. */
export const eventWindowChecks: OptionChecks<EventWindowOptions<never, WindowEmit>> = {
  window: required(checkPositiveInteger),
  slide: checkPositiveInteger,
  offset: checkInteger,
  allowedLateness: checkNonNegative,
  emit: oneOf('final', 'corrections', 'changes'),
  late: checkLate,
  id: checkText,
};

/** The windows of these options, which have been checked. */
export function windowShapeOf<T>({
  window,
  slide = window,
  offset = 0,
  allowedLateness = 0,
}: EventWindowOptions<T, WindowEmit>): WindowShape {
  return { window, slide, offset, allowedLateness };
}

/** @throws {InvalidOptionError} if the option `late` is not a side output */
export function checkLate(operator: string, option: string, late: unknown): void {
  if (!SideOutput.is(late)) throw new InvalidOptionError(operator, option, late, 'must be a sideOutput()');
}

/** The feed of the option `late`, if it is given. */
export function lateFeeds<T>({
  late,
}: {
  readonly late?: SideOutput<LateRecord<T>> | undefined;
}): readonly NamedFeed[] {
  return late ? [['late', late, SideOutput.feedOf(late)]] : [];
}
