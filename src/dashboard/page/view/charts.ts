import type { BatchRow } from '../../wire/batchRow.js';
import { histogram } from '../model/distribution.js';
import { formatBatchTime, formatCount, formatDuration, formatRate, formatShortDuration } from '../model/format.js';
import {
  type Columns,
  chartTop,
  inputColumns,
  inputRate,
  processingColumns,
  schedulingColumns,
  totalColumns,
} from '../model/series.js';
import { inputSummary, processingSummary, schedulingSummary, totalSummary, totalsOf } from '../model/summaries.js';
import { ChartCard, type LegendEntry } from './chartCard.js';
import { element } from './element.js';
import { HistogramBars } from './histogramBars.js';
import { SharedCursor, TimeChart } from './timeChart.js';

const histogramBins = 8;

interface Chart {
  readonly card: ChartCard;
  readonly plot: TimeChart;
  columns(rows: readonly BatchRow[]): Columns;
  summary(rows: readonly BatchRow[]): string;
}

const delay = (
  label: string,
  color: string,
  stroke: LegendEntry['stroke'],
  of: (row: BatchRow) => number | undefined,
): LegendEntry => ({
  label,
  color,
  stroke,
  value: (row) => formatDuration(of(row)),
});

const interval = delay('interval', 'rule', 'dashed', (row) => row.interval);

const input: readonly LegendEntry[] = [
  { label: 'input', color: 'blue', stroke: 'solid', value: (row) => (row.delays ? formatRate(inputRate(row)) : '–') },
  { label: 'limit', color: 'rule', stroke: 'dashed', value: ({ rate }) => formatRate(rate.limit) },
];

const processing: readonly LegendEntry[] = [
  delay('fetch', 'blue', 'area', ({ delays }) => delays?.fetch),
  delay('dispatch', 'teal', 'area', ({ delays }) => delays?.dispatch),
  delay('effect', 'amber', 'area', ({ delays }) => delays?.effect),
  delay('save', 'purple', 'area', ({ delays }) => delays?.save),
  interval,
];

const scheduling: readonly LegendEntry[] = [
  delay('waited', 'blue', 'solid', ({ delays }) => delays?.scheduling),
  interval,
];

const total: readonly LegendEntry[] = [delay('total', 'blue', 'solid', ({ delays }) => delays?.total)];

/** Spark's four charts, over the same batches, with one cursor. */
export class Charts {
  readonly root = element('div', { className: 'charts' });
  readonly #cursor: SharedCursor;
  readonly #histogram = new HistogramBars();
  #charts: readonly Chart[] = [];
  #rows: readonly BatchRow[] = [];

  /** `chosen` is called with the batch that was clicked. */
  constructor(chosen: (row: BatchRow) => void) {
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
    this.#charts = [
      this.#add('Input', 'records/s', input, (value) => formatCount(value), inputColumns, inputSummary),
      this.#add('Processing', 'by stage', processing, formatShortDuration, processingColumns, processingSummary),
      this.#add('Scheduling delay', '', scheduling, formatShortDuration, schedulingColumns, schedulingSummary),
      this.#add('Total delay', '', total, formatShortDuration, totalColumns, totalSummary, this.#histogram.root),
    ];
  }

  update(rows: readonly BatchRow[]): void {
    if (rows === this.#rows) return;
    // The cursor stays on its batch, whose place moves.
    const pointed = this.#rows[this.#cursor.index ?? -1];
    this.#rows = rows;
    const index = pointed ? rows.indexOf(pointed) : -1;
    this.#cursor.move(index < 0 ? undefined : index);
    for (const { card, plot, columns, summary } of this.#charts) {
      card.update(rows, summary(rows));
      const drawn = columns(rows);
      // Of the four, the input has a limit that may be far above it.
      plot.update(drawn, chartTop(drawn, columns === inputColumns ? 1 : undefined));
    }
    this.#histogram.update(histogram(totalsOf(rows), histogramBins));
    this.#show();
  }

  recolor(): void {
    for (const { plot } of this.#charts) plot.redraw();
  }

  #add(
    title: string,
    unit: string,
    legend: readonly LegendEntry[],
    format: (value: number) => string,
    columns: Chart['columns'],
    summary: Chart['summary'],
    beside?: HTMLElement,
  ): Chart {
    const card = new ChartCard(title, unit, legend, ({ time }) => formatBatchTime(time), beside);
    this.root.append(card.root);
    return { card, plot: new TimeChart(card.plot, legend, format, this.#cursor), columns, summary };
  }

  #show(): void {
    const { index } = this.#cursor;
    const pointed = index === undefined ? undefined : this.#rows[index];
    const shown = pointed ?? this.#rows.findLast(({ delays }) => delays !== undefined);
    for (const { card } of this.#charts) card.show(shown, pointed !== undefined);
  }
}
