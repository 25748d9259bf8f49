import type { Cost, Plant } from './plant.js';
import { randomOf } from './random.js';

/**
 * A random plant that no parameter was tuned on, of fixed and superlinear parts, noise, outliers, and a change of cost
 * by up to three times in the middle.
 */
export function heldOutPlant(seed: number): Plant {
  const random = randomOf(seed * 7_919 + 13);
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const spread = (low: number, high: number) => Math.exp(between(Math.log(low), Math.log(high)));
  const interval = 1_000;
  const fixed = between(0, 0.45) * interval;
  const capacity = spread(500, 50_000);
  const squared = random.uniform() < 0.3 ? between(0.1, 0.7) : 0;
  const scatter = between(0.02, 0.2);
  const probability = random.uniform() < 0.3 ? between(0, 0.01) : 0;
  const change = spread(1 / 3, 3);
  const room = interval - fixed;
  const before: Cost = {
    fixed,
    perRecord: (room * (1 - squared)) / capacity,
    perSquare: (room * squared) / capacity ** 2,
  };
  const after: Cost = {
    fixed: Math.min(fixed * change, 0.75 * interval),
    perRecord: before.perRecord * change,
    perSquare: before.perSquare * change,
  };
  return {
    name: `held-out ${seed}`,
    interval,
    batches: 300,
    event: 150,
    cost: (batch) => (batch < 150 ? before : after),
    scatter,
    outliers: { probability, times: 5 },
    backlog: 1e9,
    initialRate: 1_000,
  };
}
