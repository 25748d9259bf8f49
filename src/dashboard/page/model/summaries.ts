import type { BatchRow } from '../../wire/batchRow.js';
import type { StreamView } from '../../wire/streamView.js';
import { quantile } from './distribution.js';
import { formatCount, formatDuration, formatPercent, formatRate, plural } from './format.js';
import { ruleCounts } from './rules.js';
import { inputRate, processingParts } from './series.js';

// One sentence for each chart, for readers who do not see it and for those who have a second.

const nothing = 'No batch is complete yet.';

export function inputSummary(rows: readonly BatchRow[]): string {
  const complete = completeOf(rows);
  const last = complete.at(-1);
  if (!last) return nothing;
  const most = complete.reduce((max, row) => Math.max(max, inputRate(row)), 0);
  const limit = last.rate.limit === undefined ? 'no limit' : `a limit of ${formatRate(last.rate.limit)}`;
  return `${formatRate(inputRate(last))} in the last batch, under ${limit}; at most ${formatRate(most)} in ${span(complete)}.`;
}

export function processingSummary(rows: readonly BatchRow[]): string {
  const complete = completeOf(rows);
  const last = complete.at(-1);
  if (!last?.delays) return nothing;
  const { delays, interval } = last;
  const total = delays.processing + delays.save;
  const longest = processingParts.reduce((a, b) => (delays[b] > delays[a] ? b : a));
  const most = total === 0 ? '' : `, most of it ${longest} (${formatDuration(delays[longest])})`;
  return `${formatDuration(total)} for the last batch, ${formatPercent(total / interval)} of the interval${most}.`;
}

export function schedulingSummary(rows: readonly BatchRow[]): string {
  const complete = completeOf(rows);
  const last = complete.at(-1);
  if (!last?.delays) return nothing;
  const over = complete.filter(({ delays, interval }) => (delays?.scheduling ?? 0) > interval).length;
  const share = over === 0 ? 'none' : formatCount(over);
  return `The last batch waited ${formatDuration(last.delays.scheduling)}; ${share} of ${span(complete)} waited longer than the interval.`;
}

export function totalSummary(rows: readonly BatchRow[]): string {
  const totals = totalsOf(rows);
  if (totals.length === 0) return nothing;
  const [median, high] = [quantile(totals, 0.5), quantile(totals, 0.95)];
  return `Half of ${span(totals)} took up to ${formatDuration(median)}, 95 % up to ${formatDuration(high)}.`;
}

export function lagSummary({ total, partitions, at, lastBatch }: StreamView): string {
  if (total.count === 0) return 'No partition is known yet.';
  if (total.lag === 0) return `Nothing waits in ${plural(total.count, 'partition', 'partitions')}.`;
  const behind = total.behind === undefined ? '' : `, up to ${formatDuration(total.behind)} behind`;
  const [worst] = partitions;
  const most =
    worst && total.count > 1 ? `; most in ${worst.topic}/${worst.partition} (${formatCount(worst.lag)})` : '';
  const none = lastBatch === undefined && at > 0 ? ' No batch is complete yet.' : '';
  return `${plural(total.lag, 'record waits', 'records wait')} in ${plural(total.count, 'partition', 'partitions')}${behind}${most}.${none}`;
}

export function rateSummary(rows: readonly BatchRow[]): string {
  const counts = ruleCounts(rows).filter(([rule]) => rule !== 'none');
  if (counts.length === 0) return 'No rate controller explains its rates.';
  const [first, ...others] = counts.map(([rule, batches]) => `${rule} for ${plural(batches, 'batch', 'batches')}`);
  return `The rule was ${[first, ...others].join(', ')}.`;
}

/** Total delays of complete batches, in ms. */
export function totalsOf(rows: readonly BatchRow[]): readonly number[] {
  return rows.flatMap(({ delays }) => (delays ? [delays.total] : []));
}

function completeOf(rows: readonly BatchRow[]): readonly BatchRow[] {
  return rows.filter(({ delays }) => delays !== undefined);
}

function span(batches: readonly unknown[]): string {
  return plural(batches.length, 'batch', 'batches');
}
