import type { BatchRow } from '../../wire/batchRow.js';
import { formatBatchTime } from '../model/format.js';
import { chartTop } from '../model/series.js';
import { ChartCard } from './chartCard.js';
import type { ChartSpec } from './chartSpecs.js';
import { element } from './element.js';
import { SharedCursor, TimeChart } from './timeChart.js';

interface Chart {
  readonly spec: ChartSpec;
  readonly card: ChartCard;
  readonly plot: TimeChart;
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
      () => this.#show(),
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
      return { spec, card, plot: new TimeChart(card.plot, spec.legend, spec.format, this.#cursor) };
    });
  }

  update(rows: readonly BatchRow[]): void {
    if (rows === this.#rows) return;
    // The cursor stays on its batch, whose place moves.
    const pointed = this.#rows[this.#cursor.index ?? -1];
    this.#rows = rows;
    const index = pointed ? rows.indexOf(pointed) : -1;
    this.#cursor.move(index < 0 ? undefined : index);
    for (const { spec, card, plot } of this.#charts) {
      card.update(rows, spec.summary(rows));
      const drawn = spec.columns(rows);
      plot.update(drawn, chartTop(drawn, spec.limit));
    }
    this.#show();
  }

  recolor(): void {
    for (const { plot } of this.#charts) plot.redraw();
  }

  #show(): void {
    const { index } = this.#cursor;
    const pointed = index === undefined ? undefined : this.#rows[index];
    const shown = pointed ?? this.#rows.findLast(({ delays }) => delays !== undefined);
    for (const { card } of this.#charts) card.show(shown, pointed !== undefined);
  }
}
