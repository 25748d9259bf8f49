import { EMPTY, from, Observable, type ObservableInput } from 'rxjs';
import { Listener } from './listener.js';

/**
 * Work in steps: a generator that yields what it waits for, and is resumed with the last value of that. What it waits for may be
 * unsubscribed, and then it is not resumed: it has no `finally`.
 */
export type Steps<R = void> = Generator<ObservableInput<unknown>, R, unknown>;

export interface StepsEvents<R> {
  done(result: R): void;
  /** What a step threw, or what it waited for failed with. */
  fail(error: unknown): void;
}

/**
 * Runs one work in steps after the other. A driver has dozens of steps for every batch, and most are `EMPTY`: operators of RxJS would
 * make several objects for each of them.
 *
 * Steps are resumed while what they waited for completes, since records that are decoded lazily can be read until then. So each that
 * settles at once takes a stack frame.
 */
export class StepRunner<R = void> {
  readonly #events: StepsEvents<R>;
  #steps: Steps<R> | undefined;
  #waiting: Listener<unknown> | undefined;
  #value: unknown;

  constructor(events: StepsEvents<R>) {
    this.#events = events;
  }

  /** The steps run at once, up to what has to be waited for. */
  run(steps: Steps<R>): void {
    this.#steps = steps;
    this.#resume();
  }

  /** Ends what is waited for. Nothing is resumed, and no event follows. */
  close(): void {
    this.#steps = undefined;
    this.#waiting?.unsubscribe();
  }

  readonly #received = (value: unknown): void => {
    this.#value = value;
  };

  readonly #failed = (error: unknown): void => {
    if (!this.#steps) return;
    this.#steps = undefined;
    this.#events.fail(error);
  };

  readonly #resume = (): void => {
    const steps = this.#steps;
    if (!steps) return;
    let result: IteratorResult<ObservableInput<unknown>, R>;
    try {
      do {
        const value = this.#value;
        this.#value = undefined;
        result = steps.next(value);
        // Closed by the step itself.
        if (this.#steps !== steps) return;
      } while (!result.done && result.value === EMPTY);
      if (!result.done) {
        const listener = new Listener(this.#failed, this.#resume, this.#received);
        this.#waiting = listener;
        from(result.value).subscribe(listener);
        return;
      }
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#steps = undefined;
    this.#events.done(result.value);
  };
}

/** An Observable of what `work` returns, if that is anything; it is begun with each subscription. */
export function stepped<R>(work: () => Steps<R>): Observable<R> {
  return new Observable((subscriber) => {
    const runner = new StepRunner<R>({
      done: (result) => {
        if (result !== undefined) subscriber.next(result);
        subscriber.complete();
      },
      fail: (error) => subscriber.error(error),
    });
    subscriber.add(() => runner.close());
    runner.run(work());
  });
}
