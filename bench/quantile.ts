/**
 * The smallest of the values that at least this part of them does not exceed (nearest rank): always one that was measured, and never
 * one that flatters a small sample. `NaN` of an empty list.
 *
 * @param part from 0, the smallest, to 1, the largest
 */
export function quantile(values: readonly number[], part: number): number {
  if (!(part >= 0 && part <= 1)) throw new RangeError(`a quantile is from 0 to 1, and not ${part}`);
  const sorted = [...values].sort((a, b) => a - b);
  // 0.07 * 100 is 7.000000000000001, and the seventh value is meant.
  const rank = Math.ceil(part * sorted.length - 1e-9);
  return sorted[Math.max(rank, 1) - 1] ?? Number.NaN;
}
