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
 * make several objects for each of them. What settles at once goes on in a loop, when it has been subscribed to and is done with all it does.
 */
export class StepRunner<R = void> {
  readonly #events: StepsEvents<R>;
  #steps: Steps<R> | undefined;
  #waiting: Listener<unknown> | undefined;
  #value: unknown;
  #isSettled = false;
  #isLooping = false;

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
    this.#isSettled = true;
    if (this.#isLooping) return;
    this.#isLooping = true;
    let end: { readonly result: R } | undefined;
    try {
      while (this.#steps && this.#isSettled && !end) end = this.#next(this.#steps);
    } catch (error) {
      this.#isLooping = false;
      this.#failed(error);
      return;
    }
    this.#isLooping = false;
    if (!end || !this.#steps) return;
    this.#steps = undefined;
    this.#events.done(end.result);
  };

  #next(steps: Steps<R>): { readonly result: R } | undefined {
    const value = this.#value;
    this.#value = undefined;
    const next = steps.next(value);
    if (next.done) return { result: next.value };
    // It may have been closed by the step itself.
    if (next.value === EMPTY || !this.#steps) return undefined;
    this.#isSettled = false;
    const listener = new Listener(this.#failed, this.#resume, this.#received);
    this.#waiting = listener;
    from(next.value).subscribe(listener);
    return undefined;
  }
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
