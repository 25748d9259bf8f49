/**
 * A queue that takes from its front at constant cost, which `Array.shift` and a `Map` used as a queue do not: they pass
 * over what has left.
 */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest; `undefined` when empty. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** The newest; `undefined` when empty. */
  get last(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  /** By its index, from the oldest on; `undefined` beyond either end. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest; `undefined` when empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    // Releases it at once: a pane may be large.
    (this.#items as (T | undefined)[])[this.#head++] = undefined;
    // Copies at most once what has left since the last copy, so the cost of each stays constant.
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out, oldest first, for as long as `test` holds. */
  takeWhile(test: (item: T) => boolean): T[] {
    const taken: T[] = [];
    while (this.size > 0 && test(this.#items[this.#head] as T)) taken.push(this.shift() as T);
    return taken;
  }

  /** Oldest first. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T;
  }
}
