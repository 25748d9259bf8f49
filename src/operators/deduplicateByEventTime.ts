import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { MissingEventTimeError } from '../batch/errors.js';
import { eventTimeOf } from '../batch/eventTime.js';
import { addEventTimeCounts } from '../batch/eventTimeCounts.js';
import type { Key } from '../batch/key.js';
import { SideOutput } from '../batch/sideOutput.js';
import { checkPair } from '../collections/pairs.js';
import { EventIds } from '../eventtime/eventIds.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, checkNonNegative, checkText } from '../options/checks.js';
import { feeding } from './base/feeding.js';
import { lateRecord } from './base/lateRecord.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { saveTouched } from './base/saveTouched.js';
import { checkLate, type LateRecord, lateFeeds } from './eventWindowOptions.js';
import type { RecordStep } from './fusion/chain.js';
import { runSteps } from './fusion/perRecord.js';

/** Options of `deduplicateByEventTime`. */
export interface DeduplicateByEventTimeOptions<T> extends QueryableOption<Key, readonly number[]> {
  /**
   * Records of one id are duplicates if their event times are at most this far apart, in ms: with 0 if they are equal, as those of a record
   * are that was sent again.
   * @default 0
   */
  readonly within?: number | undefined;
  /** Receives the records that come too late to be known again. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<T>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<DeduplicateByEventTimeOptions<never>> = {
  within: checkNonNegative,
  late: checkLate,
  id: checkText,
  ...queryableChecks,
};

/**
 * Passes only the first record of each id and event time, or within `within` ms of event time. Partitions, offset ranges and event
 * times stay.
 *
 * An id is remembered until the watermark has passed its time, so nothing is forgotten early: a record that could be a duplicate of what
 * has been forgotten is late. Late are records older than the watermark of their partition just before them: they do not pass. With `within`
 * 0 the records that pass are the same however batches are cut, but for which of two equal ones it is; with more, the record that comes
 * first decides.
 *
 * A batch costs its records and the ids that are forgotten with it.
 *
 * Source: Structured Streaming's `dropDuplicates` and `dropDuplicatesWithinWatermark`.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `idOf` is not a function
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {InvalidRecordError} (as a notification) if an id is an object
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { deduplicateByEventTime, eventTime, foreachBatch, fromBatches } from 'dstream';
 *
 * const paid = { at: 10, order: 7 };
 * fromBatches([[paid, paid], [{ at: 12, order: 8 }, paid]], { interval: 10, partitions: 1 })
 *   .pipe(
 *     eventTime({ timestamp: (payment) => payment.at, outOfOrderness: 5 }),
 *     deduplicateByEventTime((payment) => payment.order),
 *     foreachBatch((payments) => console.log(payments)),
 *   )
 *   .subscribe();
 * // => [ { at: 10, order: 7 } ]
 * // => [ { at: 12, order: 8 } ]
 * ```
 *
 * @see {@link deduplicate}
 * @see {@link eventTime}
 */
export function deduplicateByEventTime<T>(
  idOf: (record: T) => Key,
  options: DeduplicateByEventTimeOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  const operator = 'deduplicateByEventTime';
  checkFunction(operator, 'idOf', idOf);
  checkOptions(operator, options, optionChecks);
  const { within = 0, late, id, queryable } = options;
  const side = late && SideOutput.feedOf(late);
  const description = { operator, id, signature: `within=${within}`, queryable };
  const deduplicated = perBatchWithState<T, T, Key, readonly number[]>(description, (state) => {
    const seen = new EventIds<Key>(within);
    for (const [key, times] of state.entries()) seen.restore(key, times);
    const touched = new Set<Key>();

    return (batch) => {
      const eventTime = eventTimeOf(batch);
      if (!eventTime) throw new MissingEventTimeError(operator);
      const { clock, before } = eventTime;
      const lates: LateRecord<T>[] = [];
      const passFirst: RecordStep<T, T> = (next) => (record) => {
        if (clock.time < clock.floor) {
          lates.push(lateRecord(record, clock, before));
          return;
        }
        const key = idOf(record);
        if (typeof key !== 'string' && typeof key !== 'number') checkPair(operator, [key, record]);
        if (!seen.pass(key, clock.time)) return;
        touched.add(key);
        next(record);
      };
      const passed = runSteps<T>([passFirst as RecordStep<unknown, unknown>], batch, [{ operator, id }]);
      addEventTimeCounts(batch.context, { late: lates.length });
      side?.next(batch.withRecords(lates));
      for (const key of seen.forget(eventTime.after)) touched.add(key);
      // Without an id there is no checkpoint that could read it; a reader outside may.
      if (id !== undefined || queryable) saveTouched(state, seen, touched);
      touched.clear();
      return passed;
    };
  });
  return feeding(operator, lateFeeds({ late }), deduplicated);
}
