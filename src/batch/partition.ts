import type { OffsetRange } from './offsetRange.js';

/**
 * The records of one input partition within a batch, in order.
 *
 * `index` is the place of the partition in its batch: (batch time, index) is unique and is the same again when the
 * batch is replayed, so it can name an output. `range` is the offset range that the records came from; it is absent
 * once records of several partitions were mixed (by a window or a shuffle).
 */
export interface Partition<T> {
  /** The place of the partition in its batch, from 0. */
  readonly index: number;
  /** The records, in order. */
  readonly records: readonly T[];
  /** The offset range of the records; absent once records of several partitions were mixed. */
  readonly range?: OffsetRange;
  /** The offset of each record, where the stream puts failed records aside and the offsets are known. */
  readonly offsets?: readonly number[];
}
