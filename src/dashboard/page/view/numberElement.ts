import { element } from './element.js';

/** A number as a `<data>` element: formatted for people, exact in `value`. */
export class NumberElement {
  readonly root = element('data');
  readonly #format: (value: number | undefined) => string;

  constructor(format: (value: number | undefined) => string, name?: string) {
    this.#format = format;
    if (name !== undefined) this.root.dataset.name = name;
  }

  set(value: number | undefined): void {
    const exact = value === undefined ? '' : String(value);
    if (this.root.value === exact && this.root.textContent !== '') return;
    this.root.value = exact;
    this.root.textContent = this.#format(value);
  }
}
