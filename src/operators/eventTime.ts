import type { Observable, Observer, OperatorFunction } from 'rxjs';
import { Batch } from '../batch/batch.js';
import { InvalidOptionError, InvalidRecordError } from '../batch/errors.js';
import { eventTimeOf, withEventTime } from '../batch/eventTime.js';
import { addEventTimeCounts, addEventTimeProgress } from '../batch/eventTimeCounts.js';
import type { EventTimeProgress, PartitionEventTime } from '../batch/eventTimeProgress.js';
import { SideOutput } from '../batch/sideOutput.js';
import { Watermarks } from '../eventtime/watermarks.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import {
  checkBoolean,
  checkFunction,
  checkNonNegative,
  checkObserver,
  checkText,
  orInfinity,
} from '../options/checks.js';
import { afterPassing } from './base/afterPassing.js';
import { feeding, type NamedFeed } from './base/feeding.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type SavedWatermark, SavedWatermarks } from './base/savedWatermarks.js';
import { holdUntilSettled } from './base/settled.js';
import { StampedBatch } from './base/stampedBatch.js';
import { type Refusal, TimeReader } from './base/timeReader.js';
import { chainOf, type RecordStep } from './fusion/chain.js';
import { chainedStream } from './fusion/perRecord.js';

/** A record without a valid event time, in the side output `invalid` of `eventTime`. */
export interface InvalidTime<T> {
  /** The record. */
  readonly record: T;
  /** `'future'`: its event time is too far beyond its arrival. `'invalid'`: it is no time at all. */
  readonly reason: 'invalid' | 'future';
  /** What fails the stream where `invalid` is `'error'`. */
  readonly error: InvalidRecordError;
}

/** Options of `eventTime`. Times and durations are in ms. */
export interface EventTimeOptions<T> {
  /** Returns the event time of a record: ms since the epoch, a finite number of at least 0. */
  readonly timestamp: (record: T) => number;
  /**
   * How much older than the newest record before it in its partition a record may be. The larger, the fewer records are late, and
   * the later windows close.
   */
  readonly outOfOrderness: number;
  /**
   * A partition that has been read to its end, and had no record for this long in batch time, does not hold the watermark back.
   * `Infinity`: it always does.
   * @default 60000
   */
  readonly idleAfter?: number | undefined;
  /**
   * Whether the watermark goes on with batch time while all partitions are idle, so that the last windows close. Records that were
   * held up before they reached the log are late then.
   * @default false
   */
  readonly advanceWhenIdle?: boolean | undefined;
  /**
   * How far beyond its arrival the event time of a record may lie. One that is further is invalid, and moves no watermark.
   * `Infinity`: any time is accepted.
   * @default 3600000
   */
  readonly future?: number | undefined;
  /** When a record arrived, in ms since the epoch, such as the timestamp of the log. Default: the batch time. */
  readonly arrival?: ((record: T) => number) | undefined;
  /**
   * What to do with a record without a valid event time: fail the stream, leave it out, or leave it out and hand it to a side output.
   * @default 'error'
   */
  readonly invalid?: 'error' | 'skip' | SideOutput<InvalidTime<T>> | undefined;
  /**
   * Observes the event time after each batch. If its `next` returns a promise or an Observable, the batch waits for it. Default: no
   * observer.
   */
  readonly progress?: Partial<Observer<EventTimeProgress>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<EventTimeOptions<never>> = {
  timestamp: required(checkFunction),
  outOfOrderness: required(checkNonNegative),
  idleAfter: orInfinity(checkNonNegative),
  advanceWhenIdle: checkBoolean,
  future: orInfinity(checkNonNegative),
  arrival: checkFunction,
  invalid: checkInvalid,
  progress: checkObserver,
  id: checkText,
};

function checkInvalid(owner: string, option: string, invalid: unknown): void {
  if (invalid === 'error' || invalid === 'skip' || SideOutput.is(invalid)) return;
  throw new InvalidOptionError(owner, option, invalid, 'must be "error", "skip" or a sideOutput()');
}

/**
 * Reads the event time of each record, and keeps the watermark: event-time windows behind it count records by when they happened, not by
 * when they were read. The records pass unchanged.
 *
 * Each partition has a watermark of its own: its newest event time less `outOfOrderness`. The watermark of the stream is the smallest
 * of the partitions that are neither idle nor ended. A record is late if it is older than the watermark of its own partition just
 * before it, so whether it is late does not depend on how fast the partitions are read, or how batches are cut.
 *
 * Event times go along with the records through operators that keep the records apart: `mapRecords`, `filterRecords`,
 * `flatMapRecords`, `mapValues`, `flatMapValues`, `filterBatches`, `limitRate`, `deduplicate`, `unionBatches`, `partitionBy` and
 * `repartition`, and RxJS's `share` and `tap`. Put it before filters: records that are filtered out move the watermark too.
 *
 * Source: Spark's `withWatermark`, Flink's `BoundedOutOfOrdernessWatermarks`.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {InvalidRecordError} (as a notification) if a record has no valid event time and `invalid` is `'error'`
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { aggregateByEventWindow, eventTime, foreachBatch, fromBatches } from 'dstream';
 * import { count } from 'dstream/aggregators';
 *
 * // Each record is the time at which it happened.
 * fromBatches([[5, 14], [8, 15], [21]], { interval: 10 })
 *   .pipe(
 *     eventTime({ timestamp: (at) => at, outOfOrderness: 5 }),
 *     aggregateByEventWindow(count(), { window: 10 }),
 *     foreachBatch((windows) => console.log(windows)),
 *   )
 *   .subscribe();
 * // => []
 * // => [ { start: 0, end: 10, value: 2 } ]
 * // => [ { start: 10, end: 20, value: 2 }, { start: 20, end: 30, value: 1 } ]
 * ```
 *
 * @see {@link aggregateByEventWindow}
 * @see {@link aggregateByKeyAndEventWindow}
 * @see {@link sideOutput}
 */
export function eventTime<T>(options: EventTimeOptions<T>): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('eventTime', options, optionChecks);
  const { outOfOrderness, idleAfter = 60_000, advanceWhenIdle = false, invalid = 'error', progress, id } = options;
  const rule = { outOfOrderness, idleAfter, advanceWhenIdle };
  const description = { operator: 'eventTime', id };
  const side = SideOutput.is(invalid) ? SideOutput.feedOf(invalid) : undefined;
  const feeds: NamedFeed[] = SideOutput.is(invalid) ? [['invalid', invalid, SideOutput.feedOf(invalid)]] : [];

  const errorOf = ({ record, rule: why }: Refusal) => new InvalidRecordError('eventTime', record, why);
  const refuse = (refusal: Refusal): void => {
    if (invalid === 'error') throw errorOf(refusal);
  };

  return (stream) => {
    const own = chainOf(stream);
    // Two operators that stamp do not share a loop.
    const before = own.stamps ? { source: stream, steps: [], owners: [] } : own;
    const step: RecordStep<T, T> = (next, context, { batch, index }) => {
      const reader = new TimeReader(options, context);
      return (eventTimeOf(batch) as StampedBatch).step(index, reader, next, refuse);
    };
    const steps = [...before.steps, step as RecordStep<unknown, unknown>];
    const owners = [...before.owners, description];

    const stamped = perBatchWithState<unknown, unknown, string, SavedWatermark>(description, (state) => {
      const watermarks = new Watermarks(rule);
      const saved = new SavedWatermarks(state, watermarks);
      return (batch) => {
        const { context } = batch;
        const passed = new Batch(batch.partitions, context);
        const completed = ({ after, refused }: StampedBatch): void => {
          saved.save();
          state.snapshot(context.time);
          const records = refused.map((each) => {
            return { record: each.record as T, reason: each.reason, error: errorOf(each) };
          });
          addEventTimeCounts(context, { invalid: records.length });
          side?.next(batch.withRecords(records));
          const reached = progressOf(context.time, after, watermarks, id);
          addEventTimeProgress(context, reached);
          holdUntilSettled(context, progress?.next?.(reached));
        };
        return withEventTime(passed, new StampedBatch(passed, watermarks, { steps, owners }, completed));
      };
    });
    const completing = afterPassing(description, (batch) => (eventTimeOf(batch) as StampedBatch).complete());
    const stamping = (from: Observable<Batch<unknown>>) => from.pipe(stamped, completing);
    const source = feeding('eventTime', feeds, stamping)(before.source);
    return chainedStream<T>({ source, steps, owners, stamps: true });
  };
}

function progressOf(
  time: number,
  watermark: number,
  watermarks: Watermarks,
  id: string | undefined,
): EventTimeProgress {
  const partitions = Array.from(watermarks.partitions, (partition): PartitionEventTime => {
    const { key, newest } = partition;
    return {
      partition: key,
      newest: newest === -Infinity ? undefined : newest,
      status: watermarks.statusOf(partition),
    };
  });
  const active = partitions.filter(({ status }) => status === 'active');
  const ageOf = ({ newest = -Infinity }: PartitionEventTime) => newest;
  const slowest = active.reduce<PartitionEventTime | undefined>(
    (least, each) => (least === undefined || ageOf(each) < ageOf(least) ? each : least),
    undefined,
  );
  return { time, id, watermark, partitions, heldBackBy: slowest?.partition };
}
