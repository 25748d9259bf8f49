import { costModel, pid } from 'dstream';
import { describe, expect, it } from 'vitest';
import { heldOutPlant } from '../../bench/backpressure/heldOut.js';
import { measure } from '../../bench/backpressure/measure.js';
import { scenarios } from '../../bench/backpressure/scenarios.js';
import { simulate } from '../../bench/backpressure/simulate.js';
import { runSeeds, summarize } from '../../bench/backpressure/summary.js';
import { quantile } from '../../bench/quantile.js';

// The simulator of the benchmark in its own time, so that counts can be asserted: the same on every machine.

const seeds = 31;

/**
 * At most: batches to settle (median, worst), waiting in intervals (median, worst), overloaded batches. At least:
 * throughput. Batch sizes vary by at most 3 % in the end, but in S6, where every outlier leaves batches empty.
 */
const goals = {
  S1: { settle: [4, 15], maxWait: [0.6, 1.1], overloaded: 5, throughput: 0.96 },
  S2: { settle: [4, 15], maxWait: [0.6, 1.1], overloaded: 5, throughput: 0.96 },
  S3: { settle: [10, 20], maxWait: [3.9, 5], overloaded: 10, throughput: 0.96 },
  S4: { settle: [4, 22], maxWait: [0.65, 0.9], overloaded: 3, throughput: 0.96 },
  S5: { settle: [8, 15], maxWait: [0.4, 0.7], overloaded: 1, throughput: 0.999 },
  S6: { settle: [15, 60], maxWait: [7.7, 14], overloaded: 130, throughput: 0.86 },
  S7: { settle: [8, 15], maxWait: [0.8, 2.3], overloaded: 4, throughput: 0.96 },
  S8: { settle: [7, 16], maxWait: [3, 4.2], overloaded: 3, throughput: 0.96 },
} as const;

describe('costModel on the simulator', () => {
  it.each(scenarios)('$name', (plant) => {
    const goal = goals[plant.name.slice(0, 2) as keyof typeof goals];
    const { settle, maxWait, overloaded, throughput, variation } = summarize(runSeeds(costModel(), plant, seeds));
    expect(settle.median).toBeLessThanOrEqual(goal.settle[0]);
    expect(settle.worst).toBeLessThanOrEqual(goal.settle[1]);
    expect(maxWait.median).toBeLessThanOrEqual(goal.maxWait[0]);
    expect(maxWait.worst).toBeLessThanOrEqual(goal.maxWait[1]);
    expect(overloaded.median).toBeLessThanOrEqual(goal.overloaded);
    expect(variation.median).toBeLessThanOrEqual(plant.outliers ? 0.35 : 0.03);
    expect(throughput.median).toBeGreaterThanOrEqual(goal.throughput);
  });

  it('settles on every one of 300 random plants, within 32 batches on nine of ten', () => {
    const settle = Array.from({ length: 300 }, (_, i) => {
      const plant = heldOutPlant(i + 1);
      return measure(simulate(costModel(), plant, i + 1), plant).settle;
    });
    expect(settle.filter((batches) => !Number.isFinite(batches))).toEqual([]);
    expect(quantile(settle, 0.9)).toBeLessThanOrEqual(32);
  });
});

describe('the simulator', () => {
  it('shows what is known of pid: an unlimited first batch, dead time, and noise', () => {
    const of = (name: string) => {
      const plant = scenarios.find((scenario) => scenario.name.startsWith(name));
      if (!plant) throw new Error(name);
      return summarize(runSeeds(pid(), plant, 11));
    };
    expect(of('S1').maxWait.median).toBeGreaterThan(400);
    expect(of('S8').maxWait.median).toBeGreaterThan(10);
    expect(of('S6').overloaded.median).toBeGreaterThan(250);
  });

  it('is the same on every run', () => {
    const plant = heldOutPlant(1);
    expect(simulate(costModel(), plant, 1)).toEqual(simulate(costModel(), plant, 1));
    expect(simulate(costModel(), plant, 1)).not.toEqual(simulate(costModel(), plant, 2));
  });
});
