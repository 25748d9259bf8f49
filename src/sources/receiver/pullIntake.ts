import type { ObservableInput, ReadableStreamLike } from 'rxjs';
import type { Intake, IntakeEvents } from './receiver.js';

/** Returns what starts iterating over a receiver that can be pulled; `undefined` for one that pushes. */
export function pullable<T>(receiver: ObservableInput<T>): (() => PullIterator<T>) | undefined {
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now, getReader } = receiver as Partial<Pullable<T>>;
  if (later) return () => later.call(receiver);
  if (now) return () => now.call(receiver);
  return getReader && (() => readerOf(getReader.call(receiver)));
}

type Pullable<T> = AsyncIterable<T> & Iterable<T> & ReadableStreamLike<T>;
type PullIterator<T> = AsyncIterator<T> | Iterator<T>;

/** Takes records one by one, for as long as there is room. */
export class PullIntake<T> implements Intake {
  readonly #begin: () => PullIterator<T>;
  readonly #events: IntakeEvents<T>;
  #iterator: PullIterator<T> | undefined;
  /** While a record is awaited or taken. */
  #busy = false;
  #ended = false;

  constructor(begin: () => PullIterator<T>, events: IntakeEvents<T>) {
    this.#begin = begin;
    this.#events = events;
  }

  start(): void {
    this.#guard(() => {
      this.#iterator = this.#begin();
    });
    this.resume();
  }

  resume(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#guard(() => this.#pull());
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Nobody listens to a failure at the end; and an iterator that awaits a record may not answer before it comes.
    try {
      Promise.resolve(this.#iterator?.return?.()).catch(() => {});
    } catch {}
  }

  #pull(): void {
    while (!this.#ended && this.#iterator && this.#events.room()) {
      const next = this.#iterator.next();
      if ('then' in next) {
        next.then(
          (result) => {
            this.#guard(() => this.#take(result));
            this.#busy = false;
            this.resume();
          },
          (error: unknown) => this.#fail(error),
        );
        return;
      }
      this.#take(next);
    }
    this.#busy = false;
  }

  #take({ done, value }: IteratorResult<T>): void {
    if (this.#ended) return;
    if (!done) {
      this.#events.store({ records: [value] });
      return;
    }
    this.#ended = true;
    this.#events.complete();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.fail(error);
  }
}

/** Not every browser can iterate over its streams. */
function readerOf<T>(reader: ReturnType<ReadableStreamLike<T>['getReader']>): AsyncIterator<T> {
  const cancel = (reader as { cancel?: () => PromiseLike<unknown> }).cancel;
  return {
    next: async () => {
      const result = await reader.read();
      return result.done ? { done: true, value: undefined } : { done: false, value: result.value as T };
    },
    return: async () => {
      await cancel?.call(reader);
      return { done: true, value: undefined };
    },
  };
}
