/** The last items of a sequence, each with its number. */
export class Recent<T> {
  readonly #limit: number;
  #items: { readonly number: number; readonly item: T }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Numbers rise from call to call. */
  push(number: number, item: T): void {
    this.#items.push({ number, item });
    // Copies only when half of it is gone, so that a push has constant cost.
    if (this.#items.length >= 2 * this.#limit) this.#items = this.#items.slice(-this.#limit);
  }

  get(number: number): T | undefined {
    return this.#items.slice(-this.#limit).find((entry) => entry.number === number)?.item;
  }

  /** The items whose numbers are greater, oldest first. */
  after(number: number): readonly T[] {
    const items = this.#items;
    let first = items.length;
    while (first > 0 && items.length - first < this.#limit && (items[first - 1]?.number ?? 0) > number) first--;
    return items.slice(first).map(({ item }) => item);
  }
}
