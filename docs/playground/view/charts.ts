import { formatCount, formatDuration, formatShortDuration, plural } from '../../../src/dashboard/page/model/format.js';
import type { Columns } from '../../../src/dashboard/page/model/series.js';
import type { ChartSpec } from '../../../src/dashboard/page/view/chartSpecs.js';
import type { BatchRow } from '../../../src/dashboard/wire/batchRow.js';

const seconds = (rows: readonly BatchRow[]) => rows.map(({ time }) => time / 1_000);
const nothing = 'No batch is complete yet.';

/** How long batches took, how long they waited before, and the interval, in ms. */
export const delayChart: ChartSpec = {
  title: 'Processing and waiting',
  unit: '',
  legend: [
    {
      label: 'processing',
      color: 'blue',
      stroke: 'solid',
      value: ({ delays }) => formatDuration(delays?.processing),
    },
    { label: 'waited', color: 'amber', stroke: 'solid', value: ({ delays }) => formatDuration(delays?.scheduling) },
    { label: 'interval', color: 'rule', stroke: 'dashed', value: ({ interval }) => formatDuration(interval) },
  ],
  format: formatShortDuration,
  columns: (rows): Columns => [
    seconds(rows),
    rows.map(({ delays }) => delays?.processing ?? null),
    rows.map(({ delays }) => delays?.scheduling ?? null),
    rows.map(({ interval }) => interval),
  ],
  summary: (rows) => {
    const last = rows.findLast(({ delays }) => delays !== undefined);
    if (!last?.delays) return nothing;
    const { processing, scheduling } = last.delays;
    return `The last batch waited ${formatDuration(scheduling)} and took ${formatDuration(processing)} of ${formatDuration(last.interval)}.`;
  },
};

/** Records that waited in the log after each batch was planned. */
export const lagChart: ChartSpec = {
  title: 'Lag',
  unit: 'records',
  legend: [{ label: 'waiting in the log', color: 'blue', stroke: 'solid', value: ({ lag }) => formatCount(lag) }],
  format: formatCount,
  columns: (rows): Columns => [seconds(rows), rows.map(({ lag }) => lag)],
  summary: (rows) => {
    const last = rows.at(-1);
    if (!last) return nothing;
    const most = rows.reduce((max, { lag }) => Math.max(max, lag), 0);
    return `${plural(last.lag, 'record waits', 'records wait')} in the log; at most ${formatCount(most)}.`;
  },
};

/** Batches that waited when each batch began: those due since its own time. */
export const waitingChart: ChartSpec = {
  title: 'Batches waiting',
  unit: '',
  legend: [{ label: 'waiting', color: 'purple', stroke: 'solid', value: (row) => formatCount(waitingBatches(row)) }],
  // An axis that is short has ticks between whole batches.
  format: (value) => (Number.isInteger(value) ? formatCount(value) : ''),
  columns: (rows): Columns => [seconds(rows), rows.map((row) => waitingBatches(row) ?? null)],
  summary: (rows) => {
    const last = rows.findLast(({ delays }) => delays !== undefined);
    if (!last) return nothing;
    const most = rows.reduce((max, row) => Math.max(max, waitingBatches(row) ?? 0), 0);
    return `${plural(waitingBatches(last) ?? 0, 'batch', 'batches')} waited behind the last one; at most ${formatCount(most)}.`;
  },
};

function waitingBatches({ delays, interval }: BatchRow): number | undefined {
  return delays && Math.floor((delays.scheduling + delays.processing) / interval);
}
