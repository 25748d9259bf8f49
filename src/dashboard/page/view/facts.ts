import { element, setText } from './element.js';

/** A few named values. */
export class Facts {
  readonly root = element('dl', { class: 'facts' });
  readonly #values = new Map<string, { readonly row: HTMLElement; readonly value: HTMLElement }>();

  set(facts: readonly (readonly [name: string, value: string])[]): void {
    const names = new Set(facts.map(([name]) => name));
    for (const [name, { row }] of this.#values) {
      if (names.has(name)) continue;
      row.remove();
      this.#values.delete(name);
    }
    for (const [name, text] of facts) setText(this.#valueOf(name), text);
    this.root.hidden = facts.length === 0;
  }

  #valueOf(name: string): HTMLElement {
    const known = this.#values.get(name);
    if (known) return known.value;
    const value = element('dd');
    const row = element('div', {}, element('dt', { text: name }), value);
    this.#values.set(name, { row, value });
    this.root.append(row);
    return value;
  }
}
