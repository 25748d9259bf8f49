import { element } from './element.js';

/** A button that shows the values of a chart as a table in its place. */
export class TableToggle {
  readonly button: HTMLButtonElement;
  readonly #chart: HTMLElement;
  readonly #table: HTMLElement;

  /** `table` has an id. `switched` is called when one of the two has taken the place of the other. */
  constructor(title: string, chart: HTMLElement, table: HTMLElement, switched: () => void) {
    this.#chart = chart;
    this.#table = table;
    table.hidden = true;
    this.button = element('button', {
      class: 'quiet',
      text: 'Table',
      attrs: {
        type: 'button',
        'aria-expanded': 'false',
        'aria-controls': table.id,
        'aria-label': `${title} as a table`,
      },
      onClick: () => {
        this.#switch();
        switched();
      },
    });
  }

  /** Whether the table is shown. */
  get open(): boolean {
    return !this.#table.hidden;
  }

  #switch(): void {
    const open = !this.open;
    this.#table.hidden = !open;
    this.#chart.hidden = open;
    this.button.textContent = open ? 'Chart' : 'Table';
    this.button.setAttribute('aria-expanded', String(open));
  }
}
