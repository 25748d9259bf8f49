import { normal, uniform } from './random.js';
import type { Setting } from './setting.js';

type Costs = Pick<Setting, 'fixedCost' | 'recordCost' | 'squareCost' | 'noise' | 'outliers' | 'seed'>;

/** How many times as much an outlier costs. */
const outlierTimes = 5;

/**
 * How long the output takes for a batch, in ms: the same for every stream that has as many records at the same batch time.
 * An empty batch costs nothing.
 */
export function costOf(costs: Costs, time: number, records: number): number {
  if (records === 0) return 0;
  const { fixedCost, recordCost, squareCost, noise, outliers, seed } = costs;
  const expected = fixedCost + recordCost * records + (squareCost / 1_000) * records ** 2;
  const scatter = Math.exp(noise * normal(seed, time, 0) - noise ** 2 / 2);
  return expected * scatter * (uniform(seed, time, 7) < outliers / 100 ? outlierTimes : 1);
}
