/**
 * Shares a total by max-min fairness: nobody has more than its demand, and nobody could have more without taking it from one that has
 * less.
 */
export function maxMinShares(total: number, demands: readonly number[]): readonly number[] {
  const shares = demands.map(() => 0);
  const ascending = [...demands.keys()].sort((a, b) => (demands[a] ?? 0) - (demands[b] ?? 0));
  let left = total;
  for (const [done, i] of ascending.entries()) {
    const share = Math.max(Math.min(demands[i] ?? 0, left / (demands.length - done)), 0);
    shares[i] = share;
    left -= share;
  }
  return shares;
}
