/** How a budget is shared among partitions that have records waiting: by their lag, or evenly. */
export type ShareStrategy = 'lag' | 'fair';

export interface ShareRequest {
  /** Records waiting in each partition, at least 0. */
  readonly lags: readonly number[];
  /** Records per second over all partitions; `undefined` for no limit, 0 for none at all. */
  readonly rate: number | undefined;
  /** Batch interval in ms. */
  readonly interval: number;
  /** Cap for each partition, in records per second. */
  readonly maxRatePerPartition?: number | undefined;
  /** Floor for each partition that has records waiting, in records per second. */
  readonly minRatePerPartition?: number | undefined;
  readonly strategy?: ShareStrategy;
}

/**
 * How many records of each partition go into one batch.
 *
 * A partition that has records waiting gets at least one (or its floor), and never more than its cap or what waits; what
 * is left of the budget is shared by weight, rounded by largest remainder, so that the sum is the budget exactly unless
 * caps or what waits are less, or floors are more. Without lag there is nothing to share, and nothing is divided by it.
 *
 * Source: Spark's `maxMessagesPerPartition`, with exact sums and one unit for cap and floor.
 */
export function shareRecords(request: ShareRequest): readonly number[] {
  const { lags, rate, interval, maxRatePerPartition, minRatePerPartition = 0, strategy = 'lag' } = request;
  const seconds = interval / 1_000;
  const cap = maxRatePerPartition === undefined ? Infinity : Math.max(1, Math.floor(maxRatePerPartition * seconds));
  const caps = lags.map((lag) => Math.min(lag, cap));
  if (rate === undefined) return caps;
  if (rate <= 0) return lags.map(() => 0);

  const floor = Math.max(1, Math.floor(minRatePerPartition * seconds));
  const counts = caps.map((most) => Math.min(most, floor));
  const budget = Math.floor(rate * seconds) - sum(counts);
  const weights = strategy === 'lag' ? lags : lags.map((lag) => (lag > 0 ? 1 : 0));
  distribute(budget, weights, caps, counts);
  return counts;
}

/**
 * Adds `budget` to `counts` in proportion to `weights`. Shares that meet their cap are filled, and what they leave is
 * shared out again among the others; the last round, in which none meets its cap, is rounded by largest remainder.
 */
function distribute(budget: number, weights: readonly number[], caps: readonly number[], counts: number[]): void {
  let left = budget;
  let open = counts.flatMap((count, i) => (count < (caps[i] ?? 0) ? [i] : []));
  while (left > 0 && open.length > 0) {
    const total = open.reduce((all, i) => all + (weights[i] ?? 0), 0);
    const share = (i: number): number => (left * (weights[i] ?? 0)) / total;
    const room = (i: number): number => (caps[i] ?? 0) - (counts[i] ?? 0);
    const filled = open.filter((i) => share(i) >= room(i));
    if (filled.length === 0) {
      roundLargestRemainder(left, open, open.map(share), counts);
      return;
    }
    const used = filled.map((i) => [i, room(i)] as const);
    for (const [i, amount] of used) {
      counts[i] = (counts[i] ?? 0) + amount;
      left -= amount;
    }
    open = open.filter((i) => !filled.includes(i));
  }
}

/** Whole parts first, then one each to the largest fractions. A share below its room stays within it when rounded up. */
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
