import type { ObservableInput } from 'rxjs';
import type { BatchContext, BatchRun } from './batchContext.js';

/** Where a record was read from. Bytes are copies. */
export interface RecordOrigin {
  /** Topic of the record. */
  readonly topic: string;
  /** Partition of the record. */
  readonly partition: number;
  /** Offset of the record. */
  readonly offset: number;
  /** The bytes of the key, where they are known; `null` for a record without a key. */
  readonly key?: Uint8Array | null;
  /** The bytes of the value, where they are known; `null` for a tombstone. */
  readonly value?: Uint8Array | null;
  /** The headers, where they are known. */
  readonly headers?: readonly (readonly [key: string, value: Uint8Array | null])[];
}

/** A record for which a user's function threw, as the operator sees it. */
export interface FailedRecord {
  /** The operator whose function threw. */
  readonly operator: string;
  /** The operator's `id`, where it has one. */
  readonly id?: string | undefined;
  /** The record as the operator received it. */
  readonly record: unknown;
  /** What the function threw. */
  readonly error: unknown;
}

/** A record that was put aside. */
export interface DeadLetter extends FailedRecord {
  /** The batch time, in ms. */
  readonly time: number;
  /**
   * Where the record was read from; `undefined` where that is unknown, as after an operator that mixes records. Key, value and
   * headers are known where the failing operator decodes the records itself: in the first chain of operators after the source.
   */
  readonly origin: RecordOrigin | undefined;
}

/** Receives the records that are put aside: an Observer, or `deadLetterTopic()`. */
export interface DeadLetterObserver {
  /**
   * Receives a record while its batch is dispatched. If it returns a promise or an Observable, the batch stays open until that has
   * settled; if it throws, the batch fails.
   */
  next(letter: DeadLetter, context: BatchContext): unknown;
  /** Called when a run of the stream begins, before its sources read committed offsets; they wait for what it returns. */
  open?(run: BatchRun): ObservableInput<unknown>;
}

/** What a stream does with records for which a user's function throws; absent where such an error fails the stream. */
export interface RecordErrors {
  /** An error has failed the batch: nothing is put aside any more. */
  readonly failing: boolean;
  /**
   * Puts a record aside.
   *
   * @throws {TooManyErrorsError} when there are more than the stream allows
   */
  putAside(failed: FailedRecord, origin: RecordOrigin | undefined, context: BatchContext): void;
  /** How many records of a batch were put aside. */
  countOf(context: BatchContext): number;
  /** Throws an error that fails the batch, whatever record it happened at. */
  fail(error: unknown): never;
}

/**
 * Returns `visit`; where the stream puts records aside, a `visit` that never throws for a single record. `originOf` is called only
 * for a record that failed.
 */
export function guarded<T>(
  context: BatchContext,
  owner: Pick<FailedRecord, 'operator' | 'id'>,
  originOf: () => RecordOrigin | undefined,
  visit: (record: T) => void,
): (record: T) => void {
  const errors = context.recordErrors;
  if (!errors) return visit;
  return (record) => {
    try {
      visit(record);
    } catch (error) {
      if (errors.failing) throw error;
      errors.putAside({ ...owner, record, error }, originOf(), context);
    }
  };
}
