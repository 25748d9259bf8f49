import { element, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';

type Fact = readonly [name: string, value: string];

/** A few named values. */
export class Facts {
  readonly root = element('dl', { class: 'facts' });
  readonly #rows = new KeyedRows<Fact>(
    this.root,
    ([name]) => {
      const value = element('dd');
      const root = element('div', {}, element('dt', { text: name }), value);
      return { root, set: ([, text]) => setText(value, text) };
    },
    ([name]) => name,
  );

  set(facts: readonly Fact[]): void {
    this.#rows.set(facts);
    this.root.hidden = facts.length === 0;
  }
}
