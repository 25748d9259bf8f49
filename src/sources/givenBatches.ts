import { EMPTY, type ObservableInput, of } from 'rxjs';
import { InvalidOptionError } from '../batch/errors.js';
import type { Partition } from '../batch/partition.js';
import type { OptionChecks } from '../options/checkOptions.js';
import { arrayOf, checkNonNegativeInteger, checkPositiveInteger, orInfinity } from '../options/checks.js';
import type { Fetched, Plan, Source, SourceRun, SourceSetup } from './source.js';

/** Options of `batchesSource`, and of `fromBatches`. */
export interface BatchesSourceOptions {
  /**
   * Number of empty batches after the last array, before the source ends; `Infinity` for a source that does not end.
   * @default 0
   */
  readonly emptyAfter?: number | undefined;
  /**
   * Number of partitions over which the records of an array are spread, in equal runs.
   * @default 2
   */
  readonly partitions?: number | undefined;
}

/** What each option must be. */
export const batchesSourceChecks: OptionChecks<BatchesSourceOptions> = {
  emptyAfter: orInfinity(checkNonNegativeInteger),
  partitions: checkPositiveInteger,
};

function checkBatch(owner: string, option: string, value: unknown): void {
  if (!Array.isArray(value)) throw new InvalidOptionError(owner, option, value, 'must be an array of records');
}

const topic = 'batches';

/** The array as a log of one partition in which batch i is the record at offset i. */
export class GivenBatches<T> implements Source<T> {
  readonly kind: string;
  readonly durable = false;
  readonly #batches: readonly (readonly T[])[];
  readonly #count: number;
  readonly #partitions: number;
  /** Number of records in batch i and all later ones. */
  readonly #left: number[];

  /**
   * @param owner the function that was given the options, for messages
   * @throws {InvalidOptionError} when an option is out of its range
   */
  constructor(owner: string, batches: readonly (readonly T[])[], options: BatchesSourceOptions) {
    const { emptyAfter = 0, partitions = 2 } = options;
    arrayOf(checkBatch)(owner, 'batches', batches as never);
    this.kind = owner;
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
        const end = next + 1 === this.#count ? 'ended' : 'open';
        const plan: Plan = {
          ranges: [{ topic, partition: 0, from: next, until: next + 1, end }],
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
