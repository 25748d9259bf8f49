import { DStreamError, type DStreamErrorCode } from '../batch/errors.js';
import type { FailureStage } from '../batch/monitoring/stage.js';

/** What records may be to blame for, of the errors that are not retriable: not a fault of the program. */
const recordErrors: ReadonlySet<DStreamErrorCode> = new Set([
  'DESERIALIZATION',
  'INVALID_RECORD',
  'INVALID_STATE',
  'RECORD_TOO_LARGE',
  'UNCLONEABLE_RECORD',
]);

/** Whether the records of a batch may be to blame for an error. */
export function mayBeOfRecords(error: unknown, stage: FailureStage | undefined): boolean {
  if (stage !== 'dispatch' && stage !== 'effect') return false;
  return !(error instanceof DStreamError) || error.retriable || recordErrors.has(error.code);
}

/** What happens to a batch that failed for the last time. */
export type OnBatchError = 'fail' | 'skip' | 'bisect';

/**
 * The batches that failed for the last time, over all runs of a stream, and how many of their records they may have in the next one:
 * none, or half of them, to find those that they fail for.
 */
export class FailingBatches {
  readonly #onBatchError: OnBatchError;
  /** By batch time. */
  readonly #portions = new Map<number, number>();
  /** By what they failed, by batch time. */
  readonly #errors = new Map<number, unknown>();
  #continued = false;

  constructor(onBatchError: OnBatchError) {
    this.#onBatchError = onBatchError;
  }

  /** How many records the batch may have. */
  portionOf(time: number): number {
    return this.#portions.get(time) ?? Infinity;
  }

  /** By what the batch failed; `undefined` where it has ended the process. */
  errorOf(time: number): unknown {
    return this.#errors.get(time);
  }

  isReduced(time: number): boolean {
    return this.#portions.has(time);
  }

  /** Whether the batch is one that failed, or begins with what such a batch had to leave behind. */
  isSuspect(time: number): boolean {
    return this.#continued || this.isReduced(time);
  }

  /** The batch failed by this. */
  failed(time: number, error: unknown): void {
    if (this.#onBatchError !== 'fail') this.#errors.set(time, error);
  }

  /** Lets the batch have half of the records that it has failed with; `false` where it cannot be halved. */
  halve(time: number, records: number): boolean {
    // With more than it may have, its source does not divide batches.
    if (this.#onBatchError !== 'bisect' || records <= 1 || records > this.portionOf(time)) return false;
    this.#portions.set(time, Math.ceil(records / 2));
    return true;
  }

  /** Halves the batch, or leaves all of it out; `false` where it is to fail the stream. */
  reduce(time: number, records: number): boolean {
    if (this.#onBatchError === 'fail' || this.portionOf(time) === 0) return false;
    if (!this.halve(time, records)) this.#portions.set(time, 0);
    return true;
  }

  /** The batch got through. */
  saved(time: number): void {
    const portion = this.portionOf(time);
    this.#continued = portion > 0 && portion < Infinity;
    this.#portions.delete(time);
    this.#errors.delete(time);
  }
}
