import { from, isObservable, type ObservableInput } from 'rxjs';
import type { BatchContext } from '../batch/batchContext.js';
import type { DeadLetterObserver } from '../batch/deadLetters.js';
import { TooManyErrorsError } from '../batch/errors.js';
import { insideEffect } from '../batch/insideEffect.js';
import type { FailedRecord, RecordErrors, RecordOrigin } from '../batch/recordErrors.js';
import { Fifo } from '../collections/fifo.js';

const minuteMs = 60_000;

export interface RecordPolicyOptions {
  /** Where records go that are put aside: nowhere with `'skip'`. */
  readonly onRecordError: 'skip' | DeadLetterObserver;
  /** How many records may be put aside within a minute. */
  readonly maxErrors: number;
  /** The clock of the driver, in ms. */
  readonly now: () => number;
}

/** What one run of a stream does with records for which a user's function throws. */
export class RecordPolicy implements RecordErrors {
  readonly #options: RecordPolicyOptions;
  /** When records were put aside in the last minute, oldest first; not kept without a limit. */
  readonly #times = new Fifo<number>();
  readonly #counts = new WeakMap<BatchContext, number>();
  #failing = false;

  constructor(options: RecordPolicyOptions) {
    this.#options = options;
  }

  get failing(): boolean {
    return this.#failing;
  }

  /** How many records of a batch were put aside. */
  countOf(context: BatchContext): number {
    return this.#counts.get(context) ?? 0;
  }

  putAside(failed: FailedRecord, origin: RecordOrigin | undefined, context: BatchContext): void {
    try {
      this.#count(failed);
      this.#counts.set(context, this.countOf(context) + 1);
      const { onRecordError } = this.#options;
      if (onRecordError === 'skip') return;
      const letter = { ...failed, time: context.time, origin };
      holdUntilSettled(
        context,
        insideEffect(context, () => onRecordError.next(letter, context)),
      );
      const { operator, id, error } = failed;
      context.effects?.deadLettered({ operator, id, records: 1, error });
    } catch (error) {
      this.#failing = true;
      throw error;
    }
  }

  fail(error: unknown): never {
    this.#failing = true;
    throw error;
  }

  #count({ operator, error }: FailedRecord): void {
    const { maxErrors, now } = this.#options;
    if (maxErrors === Infinity) return;
    const at = now();
    this.#times.takeWhile((time) => time <= at - minuteMs);
    this.#times.push(at);
    if (this.#times.size > maxErrors) throw new TooManyErrorsError(operator, maxErrors, { cause: error });
  }
}

function holdUntilSettled(context: BatchContext, returned: unknown): void {
  if (typeof returned !== 'object' || returned === null) return;
  if (!isObservable(returned) && !('then' in returned)) return;
  const hold = context.hold();
  from(returned as ObservableInput<unknown>).subscribe({
    error: (error: unknown) => hold.fail(error),
    complete: () => hold.release(),
  });
}
