import type { Batch } from '../../batch/batch.js';
import {
  type BatchEventTime,
  EventClock,
  eventTimeOf,
  type RecordOrigin,
  timesOf,
  withEventTime,
  withTimes,
} from '../../batch/eventTime.js';
import type { Partition } from '../../batch/partition.js';
import { entryOf } from '../../collections/entryOf.js';

/** Ranks of one stream are below those of the next: no stream has as many partitions. */
const ranksPerStream = 2 ** 32;

/**
 * The event times of several streams put together: records keep theirs, and the watermark is the smallest of the streams. A stream
 * whose batch was swallowed on the way is where it was before.
 */
export class UnitedTimes {
  /** The watermark of each stream after its last batch. */
  readonly #last: number[] = [];

  /** Sets the event times of `copy`, a partition of this stream, to those of `partition`. */
  carry<T>(partition: Partition<T>, copy: Partition<T>, stream: number): Partition<T> {
    const times = timesOf(partition);
    if (!times) return copy;
    const moved = new Map<RecordOrigin, RecordOrigin>();
    const origins = times.origins.map((origin) =>
      entryOf(moved, origin, () => ({ ...origin, rank: origin.rank + stream * ranksPerStream })),
    );
    return withTimes(copy, { ...times, origins });
  }

  /** Sets the event time of `united` from those of the batches, unless one of them has none. */
  unite<T>(batches: readonly Batch<unknown>[], united: Batch<T>): Batch<T> {
    const eventTimes = batches.map((batch, i) => eventTimeOf(batch) ?? this.#missing(batch, i));
    if (!batches.some(eventTimeOf) || eventTimes.includes(undefined)) return united;
    const present = eventTimes as readonly Pick<BatchEventTime, 'before' | 'after'>[];
    for (const [i, { after }] of present.entries()) this.#last[i] = after;
    const before = Math.min(...present.map((each) => each.before));
    const after = Math.min(...present.map((each) => each.after));
    return withEventTime(united, { before, after, clock: new EventClock() });
  }

  /** Of a stream without a batch, which the alignment shows as one without partitions. */
  #missing(batch: Batch<unknown>, stream: number): Pick<BatchEventTime, 'before' | 'after'> | undefined {
    if (batch.partitions.length > 0) return undefined;
    const last = this.#last[stream] ?? -Infinity;
    return { before: last, after: last };
  }
}
