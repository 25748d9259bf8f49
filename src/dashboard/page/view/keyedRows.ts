/** Keeps the elements of a list in the order of its items, and each element as long as its item is there. */
export class KeyedRows<T, E extends HTMLElement> {
  readonly #parent: HTMLElement;
  readonly #keyOf: (item: T) => string;
  readonly #create: (item: T) => E;
  readonly #update: (row: E, item: T) => void;
  readonly #before: Element | null;
  #rows = new Map<string, E>();

  /** What `parent` contains already stays before the rows. */
  constructor(
    parent: HTMLElement,
    keyOf: (item: T) => string,
    create: (item: T) => E,
    update: (row: E, item: T) => void = () => {},
  ) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
    this.#update = update;
    this.#before = parent.lastElementChild;
  }

  get(key: string): E | undefined {
    return this.#rows.get(key);
  }

  set(items: readonly T[]): void {
    const rows = new Map<string, E>();
    for (const item of items) {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#create(item);
      this.#update(row, item);
      rows.set(key, row);
    }
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.remove();
    this.#rows = rows;
    let next = this.#before ? this.#before.nextElementSibling : this.#parent.firstElementChild;
    for (const row of rows.values()) {
      // Only what has moved is moved: focus and selection stay.
      if (row === next) next = row.nextElementSibling;
      else this.#parent.insertBefore(row, next);
    }
  }
}
