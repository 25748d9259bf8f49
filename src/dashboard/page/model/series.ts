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

/** The parts of processing, each on top of those before it, in ms, and the interval. */
export function processingColumns(rows: readonly BatchRow[]): Columns {
  const stacked = rows.map(({ delays }) => delays && stackOf(delays));
  const column = (part: number) => stacked.map((stack) => stack?.[part] ?? null);
  return [timesOf(rows), column(0), column(1), column(2), column(3), rows.map(({ interval }) => interval)];
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

/** How many times the largest value a limit may be that is still shown. */
const nearLimit = 3;

/**
 * The largest value that fits into a chart, with some room above. `limitColumn` (0 is the first after the times) counts only
 * where it is near the others: a limit far above the input would make a flat line of that.
 */
export function chartTop([, ...values]: Columns, limitColumn?: number): number {
  const largest = (columns: readonly (readonly (number | null)[])[]) =>
    columns.reduce((max, column) => column.reduce((most: number, value) => Math.max(most, value ?? 0), max), 0);
  const limit = limitColumn === undefined ? 0 : largest(values.slice(limitColumn, limitColumn + 1));
  const others = largest(values.filter((_, i) => i !== limitColumn));
  const top = others === 0 || limit <= nearLimit * others ? Math.max(others, limit) : others;
  return top === 0 ? 1 : top * 1.12;
}

/**
 * The same lines in sight of a chart that ends at `top`; what lies far above it, such as a limit that nothing comes near, is drawn a little
 * above. It is out of sight either way, but the dashes of a line that leaps there and back took longer to paint than all else.
 */
export function inReach([times, ...values]: Columns, top: number): Columns {
  return [times, ...values.map((column) => column.map((value) => value && Math.min(value, 2 * top)))];
}

function timesOf(rows: readonly BatchRow[]): readonly number[] {
  return rows.map(({ time }) => time / 1_000);
}
