import type { BatchDelays, BatchRow } from '../../wire/batchRow.js';

/** Columns of a chart: times in seconds first, then values; `null` is a gap. */
export type Columns = readonly [times: readonly number[], ...values: (readonly (number | null)[])[]];

/** Records a second, and the limit. */
export function inputColumns(rows: readonly BatchRow[]): Columns {
  return [
    timesOf(rows),
    rows.map((row) => (row.delays ? inputRate(row) : null)),
    rows.map(({ rate }) => rate.limit ?? null),
  ];
}

/** Records a second that went into a batch. */
export function inputRate({ records, interval }: BatchRow): number {
  return (1_000 * records) / interval;
}

/** The parts of processing and the save, in the order in which they happen. */
export const processingParts = ['fetch', 'dispatch', 'effect', 'save'] as const;

/**
 * The parts of processing stacked, in ms, and the interval. The last part comes first, with all before it under it: areas
 * drawn in this order cover each other as far as they should.
 */
export function processingColumns(rows: readonly BatchRow[]): Columns {
  const stacked = rows.map(({ delays }) => delays && stackOf(delays));
  const column = (part: number) => stacked.map((stack) => stack?.[part] ?? null);
  return [timesOf(rows), column(3), column(2), column(1), column(0), rows.map(({ interval }) => interval)];
}

function stackOf(delays: BatchDelays): readonly number[] {
  let sum = 0;
  return processingParts.map((part) => {
    sum += delays[part];
    return sum;
  });
}

/** Scheduling delay and interval, in ms. */
export function schedulingColumns(rows: readonly BatchRow[]): Columns {
  return [timesOf(rows), rows.map(({ delays }) => delays?.scheduling ?? null), rows.map(({ interval }) => interval)];
}

/** Total delay, in ms. */
export function totalColumns(rows: readonly BatchRow[]): Columns {
  return [timesOf(rows), rows.map(({ delays }) => delays?.total ?? null)];
}

function timesOf(rows: readonly BatchRow[]): readonly number[] {
  return rows.map(({ time }) => time / 1_000);
}
