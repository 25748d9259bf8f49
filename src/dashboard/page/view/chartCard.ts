import type { BatchRow } from '../../wire/batchRow.js';
import { element, newId, setText } from './element.js';
import { KeyedRows } from './keyedRows.js';
import { longTable, panel, textRows } from './panel.js';
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
  readonly #rows: KeyedRows<BatchRow>;
  #batches: readonly BatchRow[] = [];

  /** `beside` is put at the right of the plot. */
  constructor(
    title: string,
    unit: string,
    legend: readonly LegendEntry[],
    time: (row: BatchRow) => string,
    beside?: HTMLElement,
  ) {
    this.#legend = legend;
    this.#time = time;
    const ids = { summary: newId('summary'), table: newId('table') };
    this.#values = legend.map(() => element('b'));
    this.#summary = element('p', { class: 'summary', attrs: { id: ids.summary } });
    this.plot = element('div', {
      class: 'plot',
      attrs: { tabindex: '0', role: 'img', 'aria-label': title, 'aria-describedby': ids.summary },
    });
    const chart = element('div', { class: 'chart' }, this.plot, beside);
    const body = element('tbody');
    const textsOf = (row: BatchRow) => [time(row), ...legend.map((entry) => entry.value(row))];
    const createRow = textRows(textsOf, ...legend.map(() => ''));
    this.#rows = new KeyedRows(
      body,
      (row) => {
        const { root, set } = createRow();
        set?.(row);
        return { root };
      },
      ({ id }) => id,
    );
    const table = longTable(title, '', ['Batch', ...legend.map(({ label }) => label)], body);
    table.id = ids.table;
    this.#toggle = new TableToggle(title, chart, table, () => this.#fillOpen());
    const entries = legend.map(({ label, color, stroke }, i) =>
      element('li', {}, element('i', { class: `swatch ${stroke} ${color}` }), label, ' ', this.#values[i]),
    );
    const parts = [element('ul', { class: 'legend' }, ...entries), chart, table, this.#summary];
    const { root, header } = panel(title, '', parts, unit);
    header.append(this.#when, this.#toggle.button);
    this.root = root;
  }

  update(rows: readonly BatchRow[], summary: string): void {
    this.#batches = rows;
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
    if (this.#toggle.open) this.#rows.set([...this.#batches].reverse());
  }
}
