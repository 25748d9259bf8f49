import { isObservable } from 'rxjs';
import type { Intake, IntakeEvents, StreamedRecords } from './receiver.js';

/** Awaits a promise: its value is a record, or a stream of records, such as the body of a response. */
export class PromiseIntake<T> implements Intake {
  readonly #promise: PromiseLike<T | StreamedRecords<T>>;
  readonly #events: IntakeEvents<T>;
  readonly #intakeOf: (source: StreamedRecords<T>) => Intake;
  #inner: Intake | undefined;
  #closed = false;

  constructor(
    promise: PromiseLike<T | StreamedRecords<T>>,
    events: IntakeEvents<T>,
    intake: (source: StreamedRecords<T>) => Intake,
  ) {
    this.#promise = promise;
    this.#events = events;
    this.#intakeOf = intake;
  }

  start(): void {
    this.#promise.then(
      (value) => this.#received(value),
      (error: unknown) => {
        if (!this.#closed) this.#events.fail(error);
      },
    );
  }

  resume(): void {
    this.#inner?.resume();
  }

  close(): void {
    this.#closed = true;
    this.#inner?.close();
  }

  #received(value: T | StreamedRecords<T>): void {
    if (this.#closed) {
      abandon(value);
      return;
    }
    if (isStreamed(value)) {
      this.#inner = this.#intakeOf(value);
      this.#inner.start();
      return;
    }
    this.#events.store({ records: [value] });
    this.#events.complete();
  }
}

/** What is data by itself, such as an array, is one record. */
function isStreamed<T>(value: T | StreamedRecords<T>): value is StreamedRecords<T> {
  if (typeof value !== 'object' || value === null) return false;
  return isObservable(value) || Symbol.asyncIterator in value || 'getReader' in value;
}

/** Closes what arrived too late: it may be a connection. */
function abandon(value: unknown): void {
  const { cancel, destroy } = Object(value) as Readonly<Record<string, unknown>>;
  const close = typeof cancel === 'function' ? cancel : destroy;
  if (typeof close !== 'function') return;
  // Nobody listens to a failure any more.
  Promise.resolve(close.call(value)).catch(() => {});
}
