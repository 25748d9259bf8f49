import { EMPTY, type ObservableInput, of } from 'rxjs';
import { InvalidOptionError } from '../batch/errors.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import type { Partition } from '../batch/partition.js';
import { batchesOf } from '../driver/batchesOf.js';
import type { BatchStream } from '../driver/batchStream.js';
import { type DriverOptions, resolveDriverOptions } from '../driver/driverOptions.js';
import { checkPositiveInteger } from '../options/checks.js';
import type { Fetched, Plan, Source, SourceRun, SourceSetup } from './source.js';

/** What `fromBatches` takes. */
export interface FromBatchesOptions extends DriverOptions {
  /**
   * Number of empty batches after the last array, before the stream completes; `Infinity` for a stream that does not complete.
   * @default 0
   */
  readonly emptyAfter?: number;
  /**
   * Number of partitions over which the records of an array are spread, in equal runs.
   * @default 2
   */
  readonly partitions?: number;
}

/**
 * A stream of given batches: batch i (from 0) is emitted at the i+1-th multiple of the interval, followed by `emptyAfter` empty
 * ones, and then the stream completes. For tests and examples; with a checkpoint a new subscription continues after the last
 * complete batch.
 *
 * Source: Spark's `queueStream`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link logBatches} for a log in memory
 * @see {@link runBatches} for batch marbles in tests
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c'], []], { interval: 10 })
 *   .pipe(foreachBatch((records) => console.log(records)))
 *   .subscribe({ complete: () => console.log('complete') });
 * // => [ 'a', 'b', 'c' ]
 * // => []
 * // => complete
 * ```
 */
export function fromBatches<P extends PairLike = NothingInferred>(
  batches: readonly (readonly P[])[],
  options: FromBatchesOptions,
): BatchStream<PairOf<NoInfer<P>>>;
/**
 * A stream of given batches: batch i (from 0) comes at the i+1-th multiple of the interval, then `emptyAfter` empty
 * ones, then the stream completes.
 */
export function fromBatches<T>(batches: readonly (readonly T[])[], options: FromBatchesOptions): BatchStream<T>;
export function fromBatches<T>(batches: readonly (readonly T[])[], options: FromBatchesOptions): BatchStream<T> {
  const { emptyAfter = 0, partitions = 2, ...driver } = options;
  const resolved = resolveDriverOptions('fromBatches', driver);
  checkPositiveInteger('fromBatches', 'partitions', partitions);
  if (!(emptyAfter === Infinity || (Number.isSafeInteger(emptyAfter) && emptyAfter >= 0))) {
    throw new InvalidOptionError(
      'fromBatches',
      'emptyAfter',
      emptyAfter,
      'must be an integer of at least 0, or Infinity',
    );
  }
  return batchesOf('batches', new GivenBatches(batches, emptyAfter, partitions), resolved);
}

const topic = 'batches';

/** The array as a log of one partition in which batch i is the record at offset i. */
class GivenBatches<T> implements Source<T> {
  readonly kind = 'fromBatches';
  readonly durable = false;
  readonly #batches: readonly (readonly T[])[];
  readonly #count: number;
  readonly #partitions: number;
  /** Number of records in batch i and all later ones. */
  readonly #left: number[];

  constructor(batches: readonly (readonly T[])[], emptyAfter: number, partitions: number) {
    this.#batches = batches;
    this.#count = batches.length + emptyAfter;
    this.#partitions = partitions;
    this.#left = new Array<number>(batches.length).fill(0);
    for (let i = batches.length - 1; i >= 0; i--) this.#left[i] = (this.#left[i + 1] ?? 0) + (batches[i]?.length ?? 0);
  }

  open({ restored, replay }: SourceSetup): ObservableInput<SourceRun<T>> {
    let next = replay.at(-1)?.[0]?.until ?? restored?.[0]?.offset ?? 0;
    return of({
      plan: () => {
        if (next >= this.#count) return EMPTY;
        const plan: Plan = {
          ranges: [{ topic, partition: 0, from: next, until: next + 1 }],
          lag: this.#left[next + 1] ?? 0,
        };
        next++;
        return of(plan);
      },
      fetch: (plan) => of(this.#fetch(plan)),
      commit: () => EMPTY,
      close: () => EMPTY,
    });
  }

  #fetch({ ranges }: Plan): Fetched<T> {
    const records = ranges[0] === undefined ? [] : (this.#batches[ranges[0].from] ?? []);
    const size = Math.ceil(records.length / this.#partitions);
    const partitions = Array.from({ length: this.#partitions }, (_, index): Partition<T> => {
      return { index, records: records.slice(index * size, (index + 1) * size) };
    });
    return { partitions };
  }
}
