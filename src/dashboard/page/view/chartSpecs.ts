import type { BatchRow } from '../../wire/batchRow.js';
import { formatCount, formatDuration, formatRate, formatShortDuration } from '../model/format.js';
import {
  type Columns,
  inputColumns,
  inputRate,
  processingColumns,
  schedulingColumns,
  totalColumns,
} from '../model/series.js';
import { inputSummary, processingSummary, schedulingSummary, totalSummary } from '../model/summaries.js';
import type { LegendEntry } from './chartCard.js';

/** One chart over the batches. */
export interface ChartSpec {
  readonly title: string;
  readonly unit: string;
  readonly legend: readonly LegendEntry[];
  /** Writes the values of the vertical axis. */
  format(value: number): string;
  columns(rows: readonly BatchRow[]): Columns;
  /** The chart in one sentence. */
  summary(rows: readonly BatchRow[]): string;
  /** Which series is a limit that may lie far above the others; 0 is the first. */
  readonly limit?: number;
  /** What is drawn beside it. */
  readonly beside?: HTMLElement;
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

/** Spark's four charts. */
export const inputChart: ChartSpec = {
  ...{ title: 'Input', unit: 'records/s', legend: input, format: formatCount },
  ...{ columns: inputColumns, summary: inputSummary, limit: 1 },
};

export const processingChart: ChartSpec = {
  ...{ title: 'Processing', unit: 'by stage', legend: processing, format: formatShortDuration },
  ...{ columns: processingColumns, summary: processingSummary },
};

export const schedulingChart: ChartSpec = {
  ...{ title: 'Scheduling delay', unit: '', legend: scheduling, format: formatShortDuration },
  ...{ columns: schedulingColumns, summary: schedulingSummary },
};

export const totalChart: ChartSpec = {
  ...{ title: 'Total delay', unit: '', legend: total, format: formatShortDuration },
  ...{ columns: totalColumns, summary: totalSummary },
};
