import type { RateControllerFactory } from 'dstream';
import { quantile } from '../quantile.js';
import { type Measures, measure } from './measure.js';
import type { Plant } from './plant.js';
import { simulate } from './simulate.js';

/** Median and worst over seeds; for throughput the worst is the least. */
export type Summary = { readonly [K in keyof Measures]: { readonly median: number; readonly worst: number } };

export function summarize(runs: readonly Measures[]): Summary {
  const of = (key: keyof Measures, worst = 1) => {
    const values = runs.map((run) => run[key]);
    return { median: quantile(values, 0.5), worst: quantile(values, worst) };
  };
  return {
    settle: of('settle'),
    maxWait: of('maxWait'),
    overloaded: of('overloaded'),
    throughput: of('throughput', 0),
    variation: of('variation'),
    longest: of('longest'),
  };
}

/** Runs a controller on a plant, once for each seed from 1. */
export function runSeeds(factory: RateControllerFactory, plant: Plant, seeds: number): readonly Measures[] {
  return Array.from({ length: seeds }, (_, i) => measure(simulate(factory, plant, i + 1), plant));
}
