/** An element of a list. */
export interface Row<T> {
  readonly root: HTMLElement;
  /** Shows an item. Left out where the element shows only the one that it was created for. */
  set?(item: T): void;
}

/** Keeps the elements of a list in the order of its items, and each element as long as its item is there. */
export class KeyedRows<T, R extends Row<T> = Row<T>> {
  readonly #parent: HTMLElement;
  readonly #create: (item: T) => R;
  readonly #keyOf: (item: T, index: number) => string | number;
  readonly #before: Element | null;
  #rows = new Map<string | number, R>();

  /**
   * What `parent` contains already stays before the rows. Without `keyOf` every place keeps its element, whatever the item in it: for items
   * that change as fast as their order, for an element that moves is laid out from scratch.
   */
  constructor(
    parent: HTMLElement,
    create: (item: T) => R,
    keyOf: (item: T, index: number) => string | number = (_, i) => i,
  ) {
    this.#parent = parent;
    this.#create = create;
    this.#keyOf = keyOf;
    this.#before = parent.lastElementChild;
  }

  get(key: string): R | undefined {
    return this.#rows.get(key);
  }

  set(items: readonly T[]): void {
    const rows = new Map<string | number, R>();
    for (const [i, item] of items.entries()) {
      const key = this.#keyOf(item, i);
      const row = this.#rows.get(key) ?? this.#create(item);
      row.set?.(item);
      rows.set(key, row);
    }
    for (const [key, { root }] of this.#rows) if (!rows.has(key)) root.remove();
    this.#rows = rows;
    let next = this.#before ? this.#before.nextElementSibling : this.#parent.firstElementChild;
    for (const { root } of rows.values()) {
      // Only what has moved is moved: focus and selection stay.
      if (root === next) next = root.nextElementSibling;
      else this.#parent.insertBefore(root, next);
    }
  }
}
