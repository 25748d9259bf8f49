import { from, type ObservableInput, Subject, takeUntil } from 'rxjs';
import type { Intake, IntakeEvents } from './receiver.js';

/** Listens to an Observable. */
export class PushIntake<T> implements Intake {
  readonly #source: ObservableInput<T>;
  readonly #events: IntakeEvents<T>;
  /** With `takeUntil`, an Observable that emits while it is subscribed to sees at once that nobody listens any more. */
  readonly #left = new Subject<void>();
  #closed = false;

  constructor(source: ObservableInput<T>, events: IntakeEvents<T>) {
    this.#source = source;
    this.#events = events;
  }

  start(): void {
    from(this.#source)
      .pipe(takeUntil(this.#left))
      .subscribe({
        next: (record) => this.#events.store({ records: [record] }),
        error: (error: unknown) => this.#events.fail(error),
        complete: () => {
          if (!this.#closed) this.#events.complete();
        },
      });
  }

  resume(): void {}

  close(): void {
    this.#closed = true;
    this.#left.next();
  }
}
