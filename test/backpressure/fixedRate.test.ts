import { fixedRate, InvalidOptionError } from 'dstream';
import { describe, expect, it } from 'vitest';

describe('fixedRate', () => {
  it('gives its rate before and after batches, whatever they took', () => {
    const controller = fixedRate(12.5)({ interval: 1_000, initialRate: 1, source: 's' });
    const formation = { time: 0, now: 0, inFlight: [], lag: 0 };
    expect(controller.rate(formation)).toBe(12.5);
    controller.completed({ processingEndTime: 5, processingDelay: 9_000, schedulingDelay: 9_000 } as never, 1);
    expect(controller.rate(formation)).toBe(12.5);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (rate) => {
    expect(() => fixedRate(rate)).toThrow(InvalidOptionError);
  });
});
