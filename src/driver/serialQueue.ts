import { EMPTY, from, type ObservableInput, Subscription } from 'rxjs';
import { Fifo } from '../collections/fifo.js';
import { Listener } from '../observables/listener.js';

/**
 * Works through items one at a time, in order. Work that settles synchronously is done in a loop, not by recursion, so
 * that thousands of missed ticks cannot overflow the stack.
 */
export class SerialQueue<T> {
  readonly #items = new Fifo<T>();
  readonly #work: (item: T) => ObservableInput<unknown>;
  readonly #ready: () => boolean;
  readonly #fail: (error: unknown) => void;
  readonly #drained: () => void;
  #running = Subscription.EMPTY;
  #closed = false;
  #busy = false;
  #looping = false;

  readonly #done = (): void => {
    this.#busy = false;
    this.run();
    if (this.idle && !this.#closed) this.#drained();
  };

  /**
   * `drained` is called whenever the last item has been worked off; `ready` says whether the next item may start (call
   * `run` when its answer may have changed).
   */
  constructor(
    work: (item: T) => ObservableInput<unknown>,
    on: { readonly fail: (error: unknown) => void; readonly drained: () => void },
    ready: () => boolean = () => true,
  ) {
    this.#work = work;
    this.#fail = on.fail;
    this.#drained = on.drained;
    this.#ready = ready;
  }

  /** The items that have not been started. */
  get waiting(): Iterable<T> {
    return this.#items;
  }

  /** How many items have not been started. */
  get size(): number {
    return this.#items.size;
  }

  get idle(): boolean {
    return !this.#busy && this.#items.size === 0;
  }

  push(item: T): void {
    this.#items.push(item);
    this.run();
  }

  /** Drops what has not been started. */
  clear(): void {
    this.#items.takeWhile(() => true);
  }

  run(): void {
    if (this.#looping) return;
    this.#looping = true;
    while (!this.#busy && !this.#closed && this.#items.size > 0 && this.#ready()) this.#start();
    this.#looping = false;
  }

  /** Stops the work under way and drops the rest. */
  close(): void {
    this.clear();
    this.#closed = true;
    this.#running.unsubscribe();
  }

  #start(): void {
    const item = this.#items.shift() as T;
    this.#busy = true;
    try {
      const work = this.#work(item);
      if (work === EMPTY) {
        this.#done();
        return;
      }
      const listener = new Listener(this.#fail, this.#done);
      this.#running = listener;
      // It may have been closed meanwhile.
      if (this.#closed) listener.unsubscribe();
      from(work).subscribe(listener);
    } catch (error) {
      this.#fail(error);
    }
  }
}
