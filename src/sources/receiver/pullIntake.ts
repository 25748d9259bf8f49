import type { ObservableInput, ReadableStreamLike } from 'rxjs';
import type { Intake, IntakeEvents } from './receiver.js';

/** Returns what starts iterating over a receiver that can be pulled; `undefined` for one that pushes. */
export function pullable<T>(receiver: ObservableInput<T>): (() => PullIterator<T>) | undefined {
  const source = receiver as Partial<Pullable<T>>;
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now, getReader } = source;
  // Before its iterator, which does not end while it awaits a record.
  if (getReader) return () => readerOf(getReader.call(receiver));
  if (later && isNodeStream(source)) return () => destroying(later.call(receiver), source);
  if (later) return () => later.call(receiver);
  return now && (() => now.call(receiver));
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

interface NodeStream {
  destroy(): unknown;
}

function isNodeStream(source: object): source is NodeStream {
  const { pipe, destroy } = source as Readonly<Record<string, unknown>>;
  return typeof pipe === 'function' && typeof destroy === 'function';
}

/** The iterator of a stream of Node would destroy it with the next record, which may never arrive. */
function destroying<T>(iterator: AsyncIterator<T>, stream: NodeStream): AsyncIterator<T> {
  return {
    next: () => iterator.next(),
    return: async () => {
      stream.destroy();
      return { done: true, value: undefined };
    },
  };
}

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
