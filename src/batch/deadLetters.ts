import type { ObservableInput } from 'rxjs';
import type { BatchContext, BatchRun } from './batchContext.js';
import type { FailedRecord, RecordOrigin } from './recordErrors.js';

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
