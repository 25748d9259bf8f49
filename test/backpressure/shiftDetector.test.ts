import { describe, expect, it } from 'vitest';
import { ShiftDetector } from '../../src/backpressure/shiftDetector.js';

/** What the detector says of each residual. */
function feed(residuals: readonly number[], scatter = 0.1) {
  const detector = new ShiftDetector();
  return residuals.map((residual) => detector.add(residual, scatter));
}

describe('ShiftDetector', () => {
  it('takes one outlier for no shift, and two in a row for one, either way', () => {
    expect(feed([0, 0.02, 2, 0, 0.05, -0.1])).toEqual(Array(6).fill(undefined));
    expect(feed([0, 1.1, 1.2])[2]).toEqual([1.1, 1.2]);
    expect(feed([0, -1.1, -1.2])[2]).toEqual([-1.1, -1.2]);
  });

  it('finds a small shift that lasts', () => {
    const shifted = feed([0, ...Array<number>(10).fill(0.2)]).find((answer) => answer !== undefined);
    expect(shifted?.length).toBeGreaterThan(3);
    expect(new Set(shifted)).toEqual(new Set([0.2]));
  });

  it('counts the residuals since the shift only, although the sum was above 0 by chance before', () => {
    const answers = feed([0.12, 0.11, 0.1, 0.13, 1.1, 1.15]);
    expect(answers.slice(0, 5)).toEqual(Array(5).fill(undefined));
    expect(answers[5]).toEqual([1.1, 1.15]);
  });

  it('begins anew after a shift', () => {
    expect(feed([1, 1, 1]).map((answer) => answer?.length)).toEqual([undefined, 2, undefined]);
  });
});
