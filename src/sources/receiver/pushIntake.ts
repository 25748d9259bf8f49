import { from, map, Observable, Subject, takeUntil } from 'rxjs';
import type { Intake, IntakeEvents, Receiver } from './receiver.js';

/** A record with the callbacks of its sender. */
interface Arrival<T> {
  readonly record: T;
  readonly stored?: Parameters<IntakeEvents<T>['store']>[1];
  readonly refused?: Parameters<IntakeEvents<T>['store']>[2];
}

/** Listens to a receiver that pushes. */
export class PushIntake<T> implements Intake {
  readonly #receiver: Receiver<T>;
  readonly #events: IntakeEvents<T>;
  /** With `takeUntil`, an Observable that emits while it is subscribed to sees at once that nobody listens any more. */
  readonly #left = new Subject<void>();
  #closed = false;

  constructor(receiver: Receiver<T>, events: IntakeEvents<T>) {
    this.#receiver = receiver;
    this.#events = events;
  }

  start(): void {
    const { store, fail, complete } = this.#events;
    this.#records()
      .pipe(takeUntil(this.#left))
      .subscribe({
        next: ({ record, stored, refused }) => store(record, stored, refused),
        error: (error: unknown) => fail(error),
        complete: () => {
          if (!this.#closed) complete();
        },
      });
  }

  resume(): void {}

  close(): void {
    this.#closed = true;
    this.#left.next();
  }

  #records(): Observable<Arrival<T>> {
    const receiver = this.#receiver;
    if (typeof receiver !== 'function') return from(receiver).pipe(map((record) => ({ record })));
    return new Observable((subscriber) =>
      receiver({
        store: (record, stored, refused) => {
          subscriber.next({ record, stored, refused });
          return !subscriber.closed && this.#events.room();
        },
        complete: () => subscriber.complete(),
        fail: (error) => subscriber.error(error),
      }),
    );
  }
}
