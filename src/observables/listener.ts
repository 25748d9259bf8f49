import { Subscriber } from 'rxjs';

const nothing = (): void => {};

/** Listens to a source, and is the subscription too: RxJS makes two objects more for an observer that is no `Subscriber`. */
export class Listener<T> extends Subscriber<T> {
  readonly #failed: (error: unknown) => void;
  readonly #completed: () => void;
  readonly #received: (value: T) => void;

  constructor(failed: (error: unknown) => void, completed: () => void, received: (value: T) => void = nothing) {
    super();
    this.#failed = failed;
    this.#completed = completed;
    this.#received = received;
  }

  protected override _next(value: T): void {
    this.#received(value);
  }

  protected override _error(error: unknown): void {
    this.#failed(error);
    this.unsubscribe();
  }

  protected override _complete(): void {
    this.#completed();
    this.unsubscribe();
  }
}

/** Passes everything on to a Subscriber; `failed` is called with an error before that goes on. */
export function passing<T>(to: Subscriber<T>, failed: (error: unknown) => void): Listener<T> {
  const listener = new Listener<T>(
    (error) => {
      failed(error);
      to.error(error);
    },
    () => to.complete(),
    (value) => to.next(value),
  );
  to.add(listener);
  return listener;
}
