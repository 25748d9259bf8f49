import type { BatchRow } from '../../wire/batchRow.js';
import { element, newId, setText } from './element.js';
import { TableToggle } from './tableToggle.js';

/** One line or area of a chart, as the legend shows it. */
export interface LegendEntry {
  readonly label: string;
  /** The name of its color in the theme. */
  readonly color: string;
  readonly stroke: 'solid' | 'dashed' | 'dotted' | 'area';
  value(row: BatchRow): string;
}

/** A chart, its legend with the values under the cursor, its summary, and the same as a table. */
export class ChartCard {
  readonly root: HTMLElement;
  readonly plot: HTMLElement;
  readonly #legend: readonly LegendEntry[];
  readonly #time: (row: BatchRow) => string;
  readonly #values: readonly HTMLElement[];
  readonly #when = element('span', { class: 'when' });
  readonly #summary: HTMLElement;
  readonly #toggle: TableToggle;
  readonly #body = element('tbody');
  #rows: readonly BatchRow[] = [];

  /** `beside` is put at the right of the plot. */
  constructor(
    title: string,
    unit: string,
    legend: readonly LegendEntry[],
    time: (row: BatchRow) => string,
    beside?: Element,
  ) {
    this.#legend = legend;
    this.#time = time;
    const ids = { title: newId('chart'), summary: newId('summary'), table: newId('table') };
    this.#values = legend.map(() => element('b'));
    this.#summary = element('p', { class: 'summary', attrs: { id: ids.summary } });
    this.plot = element('div', {
      class: 'plot',
      attrs: {
        tabindex: '0',
        role: 'img',
        'aria-labelledby': ids.title,
        'aria-describedby': ids.summary,
      },
    });
    const chart = element('div', { class: 'chart' }, this.plot, beside as HTMLElement | undefined);
    const headings = ['Batch', ...legend.map(({ label }) => label)];
    const head = element('tr', {}, ...headings.map((text) => element('th', { text, attrs: { scope: 'col' } })));
    const table = element(
      'div',
      {
        class: 'scroll',
        attrs: { id: ids.table, tabindex: '0', role: 'region', 'aria-labelledby': ids.title },
      },
      element('table', {}, element('thead', {}, head), this.#body),
    );
    this.#toggle = new TableToggle(title, chart, table, () => this.#fillOpen());
    const entries = legend.map(({ label, color, stroke }, i) =>
      element('li', {}, element('i', { class: `swatch ${stroke} ${color}` }), label, ' ', this.#values[i]),
    );
    this.root = element(
      'section',
      { class: 'card', attrs: { 'aria-labelledby': ids.title } },
      element(
        'header',
        {},
        element('h2', { attrs: { id: ids.title } }, title, ' ', element('span', { class: 'unit', text: unit })),
        this.#when,
        this.#toggle.button,
      ),
      element('ul', { class: 'legend' }, ...entries),
      chart,
      table,
      this.#summary,
    );
  }

  update(rows: readonly BatchRow[], summary: string): void {
    this.#rows = rows;
    setText(this.#summary, summary);
    this.#fillOpen();
  }

  /** Shows the values of a batch; `pointed` when the cursor is on it, else it is the last one. */
  show(row: BatchRow | undefined, pointed: boolean): void {
    setText(this.#when, row && pointed ? this.#time(row) : '');
    for (const [i, value] of this.#values.entries()) setText(value, row ? (this.#legend[i]?.value(row) ?? '') : '–');
  }

  /** Fills the table, if it is shown: newest first. */
  #fillOpen(): void {
    if (!this.#toggle.open) return;
    const rows = [...this.#rows]
      .reverse()
      .map((row) =>
        element(
          'tr',
          {},
          element('th', { text: this.#time(row), attrs: { scope: 'row' } }),
          ...this.#legend.map((entry) => element('td', { text: entry.value(row) })),
        ),
      );
    this.#body.replaceChildren(...rows);
  }
}
