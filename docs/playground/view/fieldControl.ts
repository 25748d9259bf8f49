import { element, newId } from '../../../src/dashboard/page/view/element.js';
import type { Field } from '../model/fields.js';

/** A slider and a number field for one number. */
export class FieldControl {
  readonly root: HTMLElement;
  readonly field: Field;
  readonly #slider: HTMLInputElement;
  readonly #number: HTMLInputElement;

  constructor(field: Field, changed: (value: number) => void) {
    this.field = field;
    const { label, unit, min, max, step } = field;
    const range = { min: String(min), max: String(max), step: String(step) };
    const id = newId('field');
    this.#slider = element('input', { attrs: { type: 'range', 'aria-label': `${label}, slider`, ...range } });
    this.#number = element('input', { attrs: { type: 'number', id, ...range, step: 'any' } });
    this.#slider.addEventListener('input', () => {
      this.#number.value = this.#slider.value;
      changed(Number(this.#slider.value));
    });
    this.#number.addEventListener('change', () => {
      // A field that is left with text or beyond its range goes to the nearest value that is in it.
      const value = Math.min(Math.max(Number(this.#number.value) || min, min), max);
      this.set(value);
      changed(value);
    });
    this.root = element(
      'div',
      { class: 'field' },
      element(
        'label',
        { attrs: { for: id } },
        label,
        unit === '' ? undefined : element('span', { class: 'unit', text: ` ${unit}` }),
      ),
      this.#number,
      this.#slider,
    );
  }

  set(value: number): void {
    this.#slider.value = String(value);
    this.#number.value = String(value);
  }
}
