import { type Aggregator, aggregateByWindow, type Key } from 'dstream';
import { aggregate, approximateDistinct, quantiles } from 'dstream/aggregators';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partialOf } from '../../src/windows/partialOf.js';
import { feed, type TimedRecords } from '../operators/feed.js';
import { propertySettings } from '../property/settings.js';

/** Partials of parts of the inputs, combined in the order of the parts or in that of `order`. */
function inParts<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  parts: readonly (readonly In[])[],
  order = parts.map((_, i) => i),
): P {
  const partials = parts.map((part) => partialOf(aggregator, part));
  const frozen = structuredClone(partials);
  const combined = order.reduce((sum, i) => aggregator.combine(sum, partials[i] as P), aggregator.identity);
  // Windows and checkpoints share partials.
  expect(partials).toEqual(frozen);
  return combined;
}

describe('approximateDistinct', () => {
  const keys: Readonly<Record<string, (i: number) => Key>> = {
    'consecutive numbers': (i) => i,
    fractions: (i) => i / 7,
    'texts with a number at the end': (i) => `user-${i}`,
    'texts with a number at the start': (i) => `${i}-user`,
    bigints: (i) => BigInt(i) * 10_000_000_019n,
  };

  it.each(Object.entries(keys))('is within four standard errors: %s', (_, keyOf) => {
    for (const precision of [8, 12, 14]) {
      const error = 1.04 / 2 ** (precision / 2);
      for (const count of [0, 1, 2, 10, 100, 1_000, 5_000, 10_000, 20_000, 100_000]) {
        const inputs = Array.from({ length: count }, (__, i) => keyOf(i));
        const found = aggregate(approximateDistinct({ precision }), [...inputs, ...inputs.slice(0, 100)]);
        expect(Math.abs(found - count), `${precision}: ${found} of ${count}`).toBeLessThanOrEqual(4 * error * count);
      }
    }
  });

  it('does not drift away from the truth on average', () => {
    const sets = 100;
    const count = 3_000;
    let sum = 0;
    for (let set = 0; set < sets; set++) {
      const inputs = Array.from({ length: count }, (_, i) => `${set}/${i}`);
      sum += aggregate(approximateDistinct({ precision: 10 }), inputs);
    }
    // The mean of a hundred counts is ten times as exact as one: 0.33 %.
    expect(Math.abs(sum / sets / count - 1)).toBeLessThan(4 * 0.0033);
  });

  it('tells keys of different types apart, and takes -0 for 0', () => {
    const inputs: Key[] = [1, '1', 1n, true, 'true', null, 'null', 0, -0, Number.NaN, Number.NaN, '', false];
    expect(aggregate(approximateDistinct(), inputs)).toBe(11);
  });

  it('has the same registers however the inputs are divided, in any order', () => {
    const part = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom(4, 8, 12), (parts, precision) => {
        const aggregator = approximateDistinct<number>({ precision });
        const whole = partialOf(aggregator, parts.flat());
        expect(inParts(aggregator, parts)).toEqual(whole);
        expect(inParts(aggregator, parts, parts.map((_, i) => i).reverse())).toEqual(whole);
      }),
      { ...propertySettings(), numRuns: 300 },
    );
  });

  it('is the same over restarts, in both of its forms', () => {
    const batches = [1, 2, 3, 4].map(
      (time): TimedRecords<string> => [time, Array.from({ length: 400 * time }, (_, i) => `${i % (300 * time)}`)],
    );
    const make = () => aggregateByWindow(approximateDistinct<string>({ precision: 10 }), { window: 2, id: 'd' });
    const expected = feed(batches, make);
    expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
    expect(expected.map(([, [count = 0]]) => Math.round(count / 100))).toEqual([3, 6, 9, 12]);
  });

  it('refuses a precision out of range, and what is no key', () => {
    expect(() => approximateDistinct({ precision: 3 })).toThrow('precision (3) must be an integer from 4 to 18');
    expect(() => aggregate(approximateDistinct(), [{} as never])).toThrow('is not a key');
    expect(() => aggregate(approximateDistinct(), [undefined as never])).toThrow('is not a key');
  });
});

describe('quantiles', () => {
  const fractions = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1];
  const count = 20_000;
  const shuffled = (i: number) => (i * 7_919) % count;
  const distributions: Readonly<Record<string, (i: number) => number>> = {
    uniform: (i) => shuffled(i),
    ascending: (i) => i,
    descending: (i) => -i,
    exponential: (i) => -Math.log(1 - (shuffled(i) + 0.5) / count),
    'of two humps': (i) => (shuffled(i) % 2 === 0 ? shuffled(i) / count : 1_000 + shuffled(i) / count),
  };

  it.each(Object.entries(distributions))('are close to the exact ones, closest at the ends: %s', (_, numberAt) => {
    const inputs = Array.from({ length: count }, (__, i) => numberAt(i));
    const sorted = [...inputs].sort((a, b) => a - b);
    const parts = Array.from({ length: 10 }, (__, i) => inputs.slice((i * count) / 10, ((i + 1) * count) / 10));
    const aggregator = quantiles(fractions);
    for (const partial of [partialOf(aggregator, inputs), inParts(aggregator, parts)]) {
      for (const [i, found] of aggregator.lower(partial).entries()) {
        const fraction = fractions[i] as number;
        // The fraction that really is below what was found. Between two humps any value is right.
        const below = sorted.filter((value) => value < found).length / count;
        const allowed = 0.0005 + 0.04 * Math.sqrt(fraction * (1 - fraction));
        expect(Math.abs(below - fraction), `${fraction}: ${found} is at ${below}`).toBeLessThan(allowed);
      }
      expect(aggregator.lower(partial).at(0)).toBe(sorted[0]);
      expect(aggregator.lower(partial).at(-1)).toBe(sorted.at(-1));
    }
  });

  it('rise with the fraction and stay within the extremes, for any inputs', () => {
    const value = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 60 }), { maxLength: 5 }), (parts) => {
        const aggregator = quantiles(fractions, { compression: 10 });
        const found = aggregator.lower(inParts(aggregator, parts));
        const all = parts.flat();
        if (all.length === 0) expect(found.every(Number.isNaN)).toBe(true);
        else {
          // A zero may be of either sign.
          const extremes = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
          expect([found.at(0) === extremes[0], found.at(-1) === extremes[1]]).toEqual([true, true]);
          expect([...found]).toEqual([...found].sort((a, b) => a - b));
        }
      }),
      { ...propertySettings(), numRuns: 500 },
    );
  });

  it('keep about as many centroids as were asked for, whatever the number of inputs', () => {
    const aggregator = quantiles([0.5], { compression: 50 });
    const parts = Array.from({ length: 20 }, (_, part) =>
      Array.from({ length: 1_000 }, (__, i) => shuffled(part * 1_000 + i)),
    );
    const { means, weights } = inParts(aggregator, parts);
    expect(means.length).toBeLessThan(60);
    expect(weights.reduce((a, b) => a + b)).toBe(20_000);
  });

  it('are the same over restarts, but for the last digits: a window combines its batches in another order then', () => {
    const batches = [1, 2, 3, 4, 5].map(
      (time): TimedRecords<number> => [time, Array.from({ length: 900 }, (_, i) => shuffled(i * time))],
    );
    const make = () => aggregateByWindow(quantiles([0.5, 0.99]), { window: 3, id: 'q' });
    const expected = feed(batches, make);
    const restarted = feed(batches, make, { restart: 'at-each' });
    expect(restarted.map(([time]) => time)).toEqual(expected.map(([time]) => time));
    for (const [i, [, [found = []]]] of restarted.entries()) {
      for (const [j, value] of found.entries()) {
        expect(Math.abs(value - (expected[i]?.[1][0]?.[j] ?? 0))).toBeLessThan(count / 1_000);
      }
    }
  });

  it('refuse fractions out of range, and what is no finite number', () => {
    expect(() => quantiles([0.5, 1.5])).toThrow('fractions[1] (1.5) must be from 0 to 1');
    expect(() => quantiles([0.5], { compression: 0 })).toThrow('compression (0)');
    expect(() => aggregate(quantiles([0.5]), [Number.NaN])).toThrow('must be a finite number');
  });
});
