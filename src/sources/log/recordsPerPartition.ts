import { byTurns, type RateSharing, type ShareRequest, shareRecords } from '../../backpressure/shareRecords.js';

/** One partition, as a plan sees it. */
export interface PartitionLag {
  /** Records waiting. */
  readonly lag: number;
  /** Mean bytes of a record. */
  readonly recordSize: number;
  /** Where the rate is shared by time: its records up to the time of the batch. */
  readonly wanted?: number | undefined;
}

export interface BatchLimits {
  /** Records per second over all partitions; `undefined` for no limit. */
  readonly rate: number | undefined;
  /** Batch interval in ms. */
  readonly interval: number;
  readonly maxRatePerPartition: number | undefined;
  readonly minRatePerPartition: number | undefined;
  readonly rateSharing: RateSharing;
  /** What the previous batch left to this one. */
  readonly carry: Pick<ShareRequest, 'owed' | 'turn'>;
  readonly maxBytesPerBatch: number;
}

/**
 * How many records of each partition go into a batch: the rate is shared within the caps, and then reduced evenly where it would
 * exceed the bytes. Where records wait, at least one is always taken, from each partition in turn, so that records larger than
 * the bound cannot stop the stream.
 */
export function recordsPerPartition(partitions: readonly PartitionLag[], limits: BatchLimits): readonly number[] {
  const { rate, interval, maxRatePerPartition, minRatePerPartition, rateSharing, carry, maxBytesPerBatch } = limits;
  const lags = partitions.map(({ lag }) => lag);
  const wanted = partitions.map((partition) => partition.wanted ?? 0);
  const counts = shareRecords({
    lags,
    rate,
    interval,
    maxRatePerPartition,
    minRatePerPartition,
    strategy: rateSharing,
    wanted,
    owed: carry.owed ?? 0,
    turn: carry.turn ?? 0,
  });
  const bytes = counts.reduce((sum, count, i) => sum + count * (partitions[i]?.recordSize ?? 0), 0);
  if (bytes <= maxBytesPerBatch) return counts;
  const fraction = maxBytesPerBatch / bytes;
  const reduced = counts.map((count) => Math.floor(count * fraction));
  if (reduced.some((count) => count > 0)) return reduced;
  return byTurns(counts, 1, carry.turn ?? 0);
}
