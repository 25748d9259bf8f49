import { pidRateEstimator } from 'dstream';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../bench/backpressure/random.js';

// The sequences that Spark's own suite runs (PIDRateEstimatorSuite, 3.x), with the answers it expects. Batches end every
// 20 ms and took 20 ms, unless said otherwise.

const batchInterval = 20;
const plain = { batchInterval, proportional: 1, integral: 0, derivative: 0, minRate: 10 };
const steps = Array.from({ length: 50 }, (_, i) => i);

interface Sequence {
  readonly integral: number;
  readonly minRate: number;
  elements(step: number): number;
  waited(step: number): number;
}

function run({ integral, minRate, elements, waited }: Sequence) {
  const estimator = pidRateEstimator({ ...plain, integral, minRate });
  return steps.map((i) => estimator.compute(i * 20, elements(i), 20, waited(i)));
}

describe("Spark's own sequences", () => {
  it('give no estimate at first, and the processing rate next', () => {
    const estimator = pidRateEstimator(plain);
    expect(estimator.compute(0, 10, 10, 0)).toBeUndefined();
    expect(estimator.compute(10, 10, 10, 0)).toBe(1_000);
  });

  it('give none when no time has passed', () => {
    const estimator = pidRateEstimator(plain);
    estimator.compute(0, 10, 10, 0);
    expect(estimator.compute(10, 10, 10, 0)).toBeDefined();
    expect(estimator.compute(10, 10, 10, 0)).toBeUndefined();
  });

  it('give none for batches without records, or fewer', () => {
    const estimator = pidRateEstimator(plain);
    estimator.compute(0, 10, 10, 0);
    expect(estimator.compute(10, 0, 10, 0)).toBeUndefined();
    expect(estimator.compute(20, -10, 10, 0)).toBeUndefined();
  });

  it('give none for batches that took no time, or less', () => {
    const estimator = pidRateEstimator(plain);
    estimator.compute(0, 10, 10, 0);
    expect(estimator.compute(10, 10, 0, 0)).toBeUndefined();
    expect(estimator.compute(20, 10, -10, 0)).toBeUndefined();
  });

  it('stay at the floor when every batch of one record has waited for 100 ms', () => {
    const estimates = run({ integral: 1, minRate: 5, elements: () => 1, waited: () => 100 });
    expect(estimates).toEqual([undefined, ...Array<number>(49).fill(5)]);
  });

  it('follow a rising processing rate when nothing waits', () => {
    const estimates = run({ integral: 1, minRate: 10, elements: (i) => (i + 1) * 20, waited: () => 0 });
    expect(estimates).toEqual([undefined, ...steps.slice(1).map((i) => (i + 1) * 1_000)]);
  });

  it('follow a falling processing rate when nothing waits', () => {
    const estimates = run({ integral: 1, minRate: 10, elements: (i) => (50 - i) * 20, waited: () => 0 });
    expect(estimates).toEqual([undefined, ...steps.slice(1).map((i) => (50 - i) * 1_000)]);
  });

  it('stay below the processing rate when batches wait', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomOf(seed);
      // Spark's suite draws up to 999 records, and would fail if it drew none.
      const elements = steps.map(() => 1 + Math.floor(999 * random.uniform()));
      const waited = steps.map(() => Math.floor(19 * random.uniform()));
      const of = (values: readonly number[]) => (i: number) => values[i] ?? Number.NaN;
      const estimates = run({ integral: 0.01, minRate: 10, elements: of(elements), waited: of(waited) });
      expect(estimates[0]).toBeUndefined();
      for (const i of steps.slice(1)) {
        const rate = ((elements[i] ?? 0) / 20) * 1_000;
        if (waited[i] === 0) expect(estimates[i]).toBe(rate);
        else expect(estimates[i]).toBeLessThan(rate);
      }
    }
  });

  it('are refused with gains and floors out of range', () => {
    for (const wrong of [{ batchInterval: 0 }, { proportional: -1 }, { integral: -1 }, { derivative: -1 }]) {
      expect(() => pidRateEstimator({ ...plain, ...wrong })).toThrow('pidRateEstimator: ');
    }
    for (const minRate of [0, -10])
      expect(() => pidRateEstimator({ ...plain, minRate })).toThrow('pidRateEstimator: minRate');
  });
});
