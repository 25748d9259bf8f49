import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Fetched } from '../source.js';
import type { PartitionState } from './partitionState.js';

/** The progress of the partitions of a batch. For a replayed batch the ends are the present ones. */
export function partitionProgress(
  ranges: readonly OffsetRange[],
  states: readonly (readonly [OffsetRange, PartitionState])[],
  ends: readonly number[] | undefined,
): NonNullable<Fetched<unknown>['progress']> {
  return states.map(([planned, { latest, newestTimestamp }], i) => {
    const { topic, partition, from, until } = ranges[i] ?? planned;
    const end = Math.max(ends?.[i] ?? latest, until);
    return { topic, partition, from, until, end, lag: end - until, newestTimestamp };
  });
}
