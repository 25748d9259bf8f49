/** How a rate is shared among partitions that have records waiting: by lag, evenly, or up to the same time. */
export type RateSharing = 'lag' | 'fair' | 'aligned';

export interface ShareRequest {
  /** Records waiting in each partition, at least 0. */
  readonly lags: readonly number[];
  /** Records per second over all partitions; `undefined` for no limit, 0 for none at all. */
  readonly rate: number | undefined;
  /** Batch interval in ms. */
  readonly interval: number;
  /** Cap for each partition, in records per second. */
  readonly maxRatePerPartition?: number | undefined;
  /** Floor for each partition that has records waiting, in records per second, and one record at least. */
  readonly minRatePerPartition?: number | undefined;
  /**
   * Part of a record that the rate allowed before and that was not given.
   * @default 0
   */
  readonly owed?: number;
  /**
   * The partition whose turn it is, where there is not one record for each.
   * @default 0
   */
  readonly turn?: number;
  /**
   * `'aligned'`: each partition has the records up to a time (`wanted`) or, if these are too many, a share in proportion to them.
   * @default 'lag'
   */
  readonly strategy?: RateSharing;
  /** For `'aligned'`: the records of each partition up to that time. Default: none, so each has one record. */
  readonly wanted?: readonly number[] | undefined;
}

/**
 * How many records of each partition go into one batch.
 *
 * A partition that has records waiting gets at least one (or its floor), and never more than its cap or what waits; what
 * is left of the budget is shared by weight, rounded by largest remainder, so that the sum is the budget exactly unless
 * caps or what waits are less, or floors are more. A budget of less than one record for each, without floors, goes round by
 * turns. Without lag there is nothing to share, and nothing is divided by it.
 *
 * Source: Spark's `maxMessagesPerPartition`, with exact sums and one unit for cap and floor.
 */
export function shareRecords(request: ShareRequest): readonly number[] {
  const { lags, rate, interval, maxRatePerPartition, minRatePerPartition, strategy = 'lag', wanted } = request;
  const seconds = interval / 1_000;
  const cap = maxRatePerPartition === undefined ? Infinity : Math.max(1, Math.floor(maxRatePerPartition * seconds));
  const caps = lags.map((lag) => Math.min(lag, cap));
  const floor = Math.max(1, Math.floor((minRatePerPartition ?? 0) * seconds));
  if (rate === undefined) {
    if (strategy !== 'aligned' || wanted === undefined) return caps;
    return caps.map((each, i) => Math.min(each, Math.max(wanted[i] ?? 0, floor)));
  }
  if (rate <= 0) return lags.map(() => 0);

  const budget = Math.floor(allowanceOf(rate, interval, request.owed ?? 0));
  const waiting = lags.filter((lag) => lag > 0).length;
  if (minRatePerPartition === undefined && budget < waiting) return byTurns(lags, budget, request.turn ?? 0);
  const counts = caps.map((cap) => Math.min(cap, floor));
  if (strategy === 'aligned') {
    const most = caps.map((each, i) => Math.min(each, wanted?.[i] ?? 0));
    distribute(budget - sum(counts), wanted ?? [], most, counts);
    return counts;
  }
  const weights = strategy === 'fair' ? lags.map((lag) => (lag > 0 ? 1 : 0)) : lags;
  distribute(budget - sum(counts), weights, caps, counts);
  return counts;
}

/** Records that a rate allows a batch, and the part of one before it. */
export function allowanceOf(rate: number, interval: number, owed: number): number {
  return rate * (interval / 1_000) + owed;
}

/** One record each to as many of those with lag as the budget has, beginning with the one whose turn it is. */
export function byTurns(lags: readonly number[], budget: number, turn: number): readonly number[] {
  const counts = lags.map(() => 0);
  let left = budget;
  for (let i = 0; i < lags.length && left > 0; i++) {
    const index = (turn + i) % lags.length;
    if ((lags[index] ?? 0) <= 0) continue;
    counts[index] = 1;
    left--;
  }
  return counts;
}

/**
 * Adds `budget` to the counts in proportion to `weights`. Shares that meet their cap are filled, and what they leave is shared out again
 * among the others; the last round, in which none meets its cap, is rounded by largest remainder.
 */
function distribute(budget: number, weights: readonly number[], caps: readonly number[], counts: number[]): void {
  let left = budget;
  let open = [...weights.keys()].filter((i) => (counts[i] ?? 0) < (caps[i] ?? 0));
  while (left > 0 && open.length > 0) {
    const total = open.reduce((all, i) => all + (weights[i] ?? 0), 0);
    const share = (i: number): number => (left * (weights[i] ?? 0)) / total;
    const free = (i: number): number => (caps[i] ?? 0) - (counts[i] ?? 0);
    const filled = open.filter((i) => share(i) >= free(i));
    if (filled.length === 0) {
      roundLargestRemainder(left, open, open.map(share), counts);
      return;
    }
    const used = filled.map((i) => [i, free(i)] as const);
    for (const [i, amount] of used) {
      counts[i] = (counts[i] ?? 0) + amount;
      left -= amount;
    }
    open = open.filter((i) => !filled.includes(i));
  }
}

/** Whole parts first, then one each to the largest fractions. A share below its cap stays within it when rounded up. */
function roundLargestRemainder(
  budget: number,
  indexes: readonly number[],
  shares: readonly number[],
  counts: number[],
): void {
  const parts = indexes.map((index, k) => ({ index, whole: Math.floor(shares[k] ?? 0), rest: (shares[k] ?? 0) % 1 }));
  let left = budget;
  for (const { index, whole } of parts) {
    counts[index] = (counts[index] ?? 0) + whole;
    left -= whole;
  }
  parts.sort((a, b) => b.rest - a.rest || a.index - b.index);
  for (const { index } of parts.slice(0, Math.max(left, 0))) counts[index] = (counts[index] ?? 0) + 1;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
