import type { BatchRow } from '../../wire/batchRow.js';
import { formatBatchTime } from '../model/format.js';
import { chartTop, inReach } from '../model/series.js';
import { ChartCard } from './chartCard.js';
import type { ChartSpec } from './chartSpecs.js';
import { element } from './element.js';
import { SharedCursor, TimeChart } from './timeChart.js';

interface Chart {
  readonly spec: ChartSpec;
  readonly card: ChartCard;
  readonly plot: TimeChart;
  /** What it shows. */
  rows: readonly BatchRow[];
}

/** Charts over the same batches, with one cursor. */
export class Charts {
  readonly root = element('div', { class: 'charts' });
  readonly #cursor: SharedCursor;
  readonly #specs: readonly ChartSpec[];
  #charts: readonly Chart[] = [];
  #rows: readonly BatchRow[] = [];

  /** `chosen` is called with the batch that was clicked. */
  constructor(specs: readonly ChartSpec[], chosen: (row: BatchRow) => void) {
    this.#specs = specs;
    this.#cursor = new SharedCursor(
      () => {
        for (const chart of this.#charts) this.#show(chart);
      },
      (index) => {
        const row = this.#rows[index];
        if (row) chosen(row);
      },
    );
  }

  /** To be called once the root is in the page: a chart takes the size of its place. */
  draw(): void {
    this.#charts = this.#specs.map((spec) => {
      const card = new ChartCard(spec.title, spec.unit, spec.legend, ({ time }) => formatBatchTime(time), spec.beside);
      this.root.append(card.root);
      return { spec, card, plot: new TimeChart(card.plot, spec.legend, spec.format, this.#cursor), rows: this.#rows };
    });
  }

  /** Shows these batches in the chart of this index, and leaves the others as they are until it is their turn; by default in all. */
  update(rows: readonly BatchRow[], only?: number): void {
    if (rows !== this.#rows) this.#take(rows);
    for (const [i, chart] of this.#charts.entries()) {
      if (chart.rows === rows || (only ?? i) !== i) continue;
      const { spec, card, plot } = chart;
      chart.rows = rows;
      card.update(rows, spec.summary(rows));
      plot.draw();
      this.#show(chart);
    }
  }

  recolor(): void {
    for (const { plot } of this.#charts) plot.redraw();
  }

  #take(rows: readonly BatchRow[]): void {
    // The cursor stays on its batch, whose place moves.
    const pointed = this.#rows[this.#cursor.index ?? -1];
    this.#rows = rows;
    const index = pointed ? rows.indexOf(pointed) : -1;
    for (const { spec, plot } of this.#charts) {
      const columns = spec.columns(rows);
      const top = chartTop(columns, spec.limit);
      plot.update(inReach(columns, top), top);
    }
    this.#cursor.move(index < 0 ? undefined : index);
  }

  #show({ card }: Chart): void {
    const { index } = this.#cursor;
    const pointed = index === undefined ? undefined : this.#rows[index];
    const shown = pointed ?? this.#rows.findLast(({ delays }) => delays !== undefined);
    card.show(shown, pointed !== undefined);
  }
}
