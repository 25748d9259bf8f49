import { concatAll } from '../collections/concatAll.js';
import type { BatchContext } from './batchContext.js';
import type { Partition } from './partition.js';

/**
 * The records of one interval, by input partition, with the context that every operator passes on.
 *
 * Source: an RDD of a Spark DStream, with its batch time.
 */
export class Batch<T> {
  #records: readonly T[] | undefined;

  constructor(
    /** The partitions of the batch, each with its records. */
    readonly partitions: readonly Partition<T>[],
    /** Time, interval, inputs and state of the batch: every operator passes it on. */
    readonly context: BatchContext,
  ) {}

  /** The records of all partitions, in the order of the partitions. Flattened once, when first asked for. */
  get records(): readonly T[] {
    this.#records ??= flatten(this.partitions);
    return this.#records;
  }

  /** How many records there are, without flattening them. */
  get size(): number {
    let size = 0;
    for (const partition of this.partitions) size += partition.records.length;
    return size;
  }

  /** The same batch with other records in each partition; index and offset range stay, the offsets of single records do not. */
  withPartitions<R>(project: (partition: Partition<T>) => readonly R[]): Batch<R> {
    const partitions = this.partitions.map((partition) => {
      const { offsets: _, ...same } = partition;
      return { ...same, records: project(partition) };
    });
    return new Batch(partitions, this.context);
  }

  /** The same batch with other records, in one partition that has no offset range any more. */
  withRecords<R>(records: readonly R[]): Batch<R> {
    return new Batch([{ index: 0, records }], this.context);
  }
}

function flatten<T>(partitions: readonly Partition<T>[]): readonly T[] {
  const [first, ...rest] = partitions;
  return first && rest.length === 0 ? first.records : concatAll(partitions.map(({ records }) => records));
}
