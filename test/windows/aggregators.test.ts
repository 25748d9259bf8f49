import type { Aggregator, InvertibleAggregator } from 'dstream';
import {
  aggregate,
  count,
  first,
  histogram,
  last,
  max,
  mean,
  min,
  set,
  sum,
  topN,
  variance,
} from 'dstream/aggregators';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partialOf } from '../../src/windows/partialOf.js';
import { SubtractOnEvict } from '../../src/windows/subtractOnEvict.js';
import { propertySettings } from '../property/settings.js';

const numbers = (inputs: readonly number[]) => inputs.filter((n) => !Number.isNaN(n));
const descending = (a: number, b: number) => b - a;

// biome-ignore lint/suspicious/noExplicitAny: each case has partials of its own
type AnyAggregator = Aggregator<number, any, unknown>;

// Each with what it must give, computed in the plainest way from all inputs. NaN, infinities and values that are far apart
// among them.
const cases: readonly [string, AnyAggregator, (inputs: readonly number[]) => unknown][] = [
  ['sum', sum(), exactly],
  ['count', count(), (inputs) => inputs.length],
  ['mean', mean(), (inputs) => exactly(inputs) / inputs.length],
  ['min', min(), (inputs) => (inputs.length > 0 ? Math.min(...inputs) : undefined)],
  ['max', max(), (inputs) => (inputs.length > 0 ? Math.max(...inputs) : undefined)],
  [
    'topN',
    topN(3),
    (inputs) => [...numbers(inputs).sort(descending), ...inputs.filter((n) => Number.isNaN(n))].slice(0, 3),
  ],
  ['first', first(), (inputs) => inputs[0]],
  ['last', last(), (inputs) => inputs.at(-1)],
  ['set', set(), (inputs) => new Set(inputs)],
  [
    'histogram',
    histogram([-1, 0, 2.5]),
    (inputs) => [
      inputs.filter((n) => n < -1).length,
      inputs.filter((n) => n >= -1 && n < 0).length,
      inputs.filter((n) => n >= 0 && n < 2.5).length,
      inputs.filter((n) => n >= 2.5).length,
    ],
  ],
];

/** By big integers: every double is an integer number of 2^-1074. Rounded to the nearest by the engine's own parser. */
function exactly(inputs: readonly number[]): number {
  if (inputs.some((n) => !Number.isFinite(n))) return inputs.reduce((a, b) => a + b, 0);
  const total = inputs.reduce((a, n) => a + units(n), 0n);
  return nearest(total);
}

const view = new DataView(new ArrayBuffer(8));

function units(value: number): bigint {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

function nearest(total: bigint): number {
  const magnitude = total < 0n ? -total : total;
  const extra = BigInt(Math.max(magnitude.toString(2).length - 53, 0));
  let fraction = magnitude >> extra;
  const rest = magnitude - (fraction << extra);
  const half = extra === 0n ? 1n : 1n << (extra - 1n);
  if (rest > half || (rest === half && extra > 0n && fraction % 2n === 1n)) fraction++;
  // In steps, because 2^-1074, and 2^extra, may not be numbers while the result is.
  const step = Math.trunc((Number(extra) - 537) / 2);
  const scaled = Number(fraction) * 2 ** -537 * 2 ** step * 2 ** (Number(extra) - 537 - step);
  return total < 0n ? -scaled : scaled;
}

const anyNumber = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 6, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(1e17, -1e17, 1e-17, 0.1, 2 ** 53, 1e200, -1e200) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity) },
);
/** -0 is 0 to all of them. */
const inputs = fc.array(
  anyNumber.map((n) => n + 0),
  { maxLength: 20 },
);
const plain = (value: unknown) => (value === 0 ? 0 : value);

describe.each(cases)('%s', (_, aggregator, expected) => {
  it('equals what all inputs at once give, however they are cut into panes', () => {
    fc.assert(
      fc.property(inputs, fc.array(fc.nat(20), { maxLength: 4 }), fc.boolean(), (drawn, cuts, fromTheRight) => {
        const { identity, combine, lower } = aggregator;
        const bounds = [0, ...cuts.map((cut) => Math.min(cut, drawn.length)).sort((a, b) => a - b), drawn.length];
        const panes = bounds.slice(1).map((until, i) => partialOf(aggregator, drawn.slice(bounds[i], until)));
        const before = structuredClone(panes);
        const whole = fromTheRight
          ? panes.reduceRight((newer, older) => combine(older, newer), identity)
          : panes.reduce(combine, identity);
        expect(plain(lower(whole))).toEqual(plain(expected(drawn)));
        expect(plain(aggregate(aggregator, drawn))).toEqual(plain(expected(drawn)));
        // Arguments stay as they are, and partials are plain data: a clone of one works as well.
        expect(panes).toEqual(before);
        expect(plain(lower(before.reduce(combine, identity)))).toEqual(plain(expected(drawn)));
      }),
      propertySettings(),
    );
  });
});

const invertible = cases.filter(([, aggregator]) => 'invert' in aggregator) as unknown as readonly [
  string,
  InvertibleAggregator<number, unknown, unknown>,
  (inputs: readonly number[]) => unknown,
][];

describe.each(invertible)('%s', (_, aggregator, expected) => {
  it('takes out what has left to the last bit, after any slides', () => {
    expect(aggregator.exact).toBe(true);
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (panes, length) => {
        const sliding = new SubtractOnEvict(aggregator);
        panes.forEach((pane, i) => {
          sliding.insert(partialOf(aggregator, pane));
          if (i >= length) sliding.evict();
          const within = panes.slice(Math.max(i + 1 - length, 0), i + 1).flat();
          expect(plain(aggregator.lower(sliding.query()))).toEqual(plain(expected(within)));
        });
      }),
      propertySettings(),
    );
  });
});

it('the four that have an inverse are those that can', () => {
  expect(invertible.map(([name]) => name)).toEqual(['sum', 'count', 'mean', 'histogram']);
});

describe('sum', () => {
  it('survives an overflow between values that cancel, and one that leaves', () => {
    const { combine, invert, lift, lower } = sum();
    const huge = lift(1.5e308);
    const overflown = combine(combine(huge, huge), lift(1));
    expect(lower(overflown)).toBe(Infinity);
    expect(lower(invert(overflown, huge))).toBe(1.5e308);
    expect(lower(invert(invert(overflown, huge), huge))).toBe(1);
    expect(lower(combine(overflown, lift(-1.5e308)))).toBe(1.5e308);
  });

  it('is a plain number in a checkpoint while one number can say it', () => {
    expect(partialOf(sum(), [0.5, 1e15, -3])).toBe(1e15 - 2.5);
    expect(partialOf(sum(), [1e17, 1, -1e17])).toBe(1);
    expect(partialOf(sum(), [Infinity])).toEqual({ parts: [], nan: 0, positive: 1, negative: 0 });
  });

  it('takes a field of each input', () => {
    expect(
      aggregate(
        sum((word: string) => word.length),
        ['a', 'bc'],
      ),
    ).toBe(3);
    expect(
      aggregate(
        mean((word: string) => word.length),
        ['a', 'bc'],
      ),
    ).toBe(1.5);
    expect(
      aggregate(
        set((word: string) => word.length),
        ['a', 'bc', 'd'],
      ),
    ).toEqual(new Set([1, 2]));
  });
});

describe('variance', () => {
  it('equals the two-pass formula, however the inputs are cut', () => {
    const bounded = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(bounded, fc.nat(20), fc.boolean(), (drawn, cut, sample) => {
        const aggregator = variance({ sample });
        const parts = [drawn.slice(0, cut), drawn.slice(cut)].map((part) => partialOf(aggregator, part));
        const centre = exactly(drawn) / drawn.length;
        const squares = exactly(drawn.map((n) => (n - centre) ** 2));
        const divisor = drawn.length - (sample ? 1 : 0);
        const actual = aggregator.lower(parts.reduce(aggregator.combine, aggregator.identity));
        if (divisor <= 0) expect(actual).toBeNaN();
        else expect(Math.abs(actual - squares / divisor)).toBeLessThanOrEqual(1e-12 * (squares / divisor) + 1e-9);
      }),
      propertySettings(),
    );
  });

  it('keeps its digits far from zero, where sums of squares would lose them', () => {
    expect(aggregate(variance(), [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBe(22.5);
  });
});

describe('min, max and topN', () => {
  it('keep the oldest of those that compare equal', () => {
    const compare = (a: readonly [number, string], b: readonly [number, string]) => a[0] - b[0];
    const pairs = [
      [1, 'a'],
      [2, 'b'],
      [1, 'c'],
      [2, 'd'],
    ] as const;
    expect(aggregate(min(compare), pairs)).toEqual([1, 'a']);
    expect(aggregate(max(compare), pairs)).toEqual([2, 'b']);
    expect(aggregate(topN(3, compare), pairs)).toEqual([
      [2, 'b'],
      [2, 'd'],
      [1, 'a'],
    ]);
  });

  it('take what can be compared by < without being told how', () => {
    expect(aggregate(min<string>(), ['b', 'a'])).toBe('a');
    expect(aggregate(max<bigint>(), [1n, 3n, 2n])).toBe(3n);
    expect(aggregate(topN<string>(1), ['b', 'c', 'a'])).toEqual(['c']);
  });
});

it('refuses what it cannot count by, naming it', () => {
  expect(() => topN(0)).toThrow('topN: n (0) must be a positive integer');
  expect(() => histogram([1, 1])).toThrow('histogram: bounds ([1,1]) must be ascending numbers');
  expect(() => histogram([Number.NaN])).toThrow('bounds');
});

it('does not compile where an inverse is asked of an aggregator that has none', () => {
  const types = () => {
    new SubtractOnEvict(sum());
    // @ts-expect-error a maximum cannot be taken out
    new SubtractOnEvict(max());
    // @ts-expect-error neither can the newest value
    const inverse: InvertibleAggregator<number, unknown, number | undefined> = last<number>();
    // @ts-expect-error objects are not compared by <
    min<{ price: number }>();
    // @ts-expect-error strings are not summed
    aggregate(sum(), ['a']);
    return inverse;
  };
  expect(types).toBeTypeOf('function');
});
