import { byTurns, type ShareRequest, type ShareStrategy, shareRecords } from '../../backpressure/shareRecords.js';

/** What a plan needs to know of one partition. */
export interface PartitionLag {
  /** Records waiting. */
  readonly lag: number;
  /** Mean bytes of a record. */
  readonly recordSize: number;
  /** Timestamp of the newest record read, ms; `undefined` when none was. */
  readonly time?: number | undefined;
}

export interface RangeLimits {
  /** Records per second over all partitions; `undefined` for no limit. */
  readonly rate: number | undefined;
  /** Batch interval in ms. */
  readonly interval: number;
  readonly maxRatePerPartition: number | undefined;
  readonly minRatePerPartition: number | undefined;
  readonly share: ShareStrategy;
  /** What the batch before left to this one. */
  readonly carry: Pick<ShareRequest, 'owed' | 'turn'>;
  readonly maxBytesPerBatch: number;
}

/**
 * How many records of each partition go into a batch: the rate shared out, within the caps, and then cut down evenly
 * where the bytes would be too many. At least one record of what waits is always taken, by turns of the partitions, so
 * that records larger than the bound cannot stop the stream.
 */
export function planRanges(partitions: readonly PartitionLag[], limits: RangeLimits): readonly number[] {
  const { rate, interval, maxRatePerPartition, minRatePerPartition, share, carry, maxBytesPerBatch } = limits;
  const lags = partitions.map(({ lag }) => lag);
  const times = partitions.map(({ time }) => time);
  const counts = shareRecords({
    lags,
    rate,
    interval,
    maxRatePerPartition,
    minRatePerPartition,
    strategy: share,
    times,
    owed: carry.owed ?? 0,
    turn: carry.turn ?? 0,
  });
  const bytes = counts.reduce((sum, count, i) => sum + count * (partitions[i]?.recordSize ?? 0), 0);
  if (bytes <= maxBytesPerBatch) return counts;
  const part = maxBytesPerBatch / bytes;
  const cut = counts.map((count) => Math.floor(count * part));
  if (cut.some((count) => count > 0)) return cut;
  return byTurns(counts, 1, carry.turn ?? 0);
}
