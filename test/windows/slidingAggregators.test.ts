import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DabaLite } from '../../src/windows/dabaLite.js';
import { RefreshedSubtract } from '../../src/windows/refreshedSubtract.js';
import { newNumberRing } from '../../src/windows/ring.js';
import type { SlidingAggregator } from '../../src/windows/slidingAggregator.js';
import { SubtractOnEvict } from '../../src/windows/subtractOnEvict.js';
import { TwoStacks } from '../../src/windows/twoStacks.js';
import { propertySettings } from '../property/settings.js';
import { divide, type Matrix, matrixOf, multiply, Recompute } from './oracle.js';

type Combine<P> = (older: P, newer: P) => P;

const associative: readonly [string, <P>(combine: Combine<P>) => SlidingAggregator<P>][] = [
  ['TwoStacks', (combine) => new TwoStacks(combine)],
  ['DabaLite', (combine) => new DabaLite(combine)],
];

// Mostly inserts, so that windows grow; evictions of several at once, of none, and of more than there are; now and then
// everything.
const actions = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant('insert' as const) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 6 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10, max: 40 }) },
    { weight: 1, arbitrary: fc.constant('clear' as const) },
  ),
  { maxLength: 120 },
);

function equalsRecomputation<P>(
  create: () => SlidingAggregator<P>,
  combine: Combine<P>,
  partialOf: (i: number) => P,
): void {
  fc.assert(
    fc.property(actions, (drawn) => {
      const sliding = create();
      const oracle = new Recompute(combine);
      drawn.forEach((action, i) => {
        for (const each of [sliding, oracle]) {
          if (action === 'insert') each.insert(partialOf(i));
          else if (action === 'clear') each.clear();
          else each.evict(action);
        }
        expect(sliding.size).toBe(oracle.size);
        expect(sliding.query()).toEqual(oracle.query());
        const restored = create();
        for (const partial of oracle.partials()) restored.insert(partial);
        expect(restored.query()).toEqual(sliding.query());
      });
    }),
    propertySettings(),
  );
}

const concat = (a: string, b: string) => a + b;
const matrix = (i: number): Matrix => matrixOf(i * 7 + 1, i * 13 + 2);

describe.each(associative)('%s', (_, create) => {
  it('equals recomputation and a restored window, concatenating strings', () => {
    equalsRecomputation(
      () => create(concat),
      concat,
      (i) => `${i} `,
    );
  });

  it('equals recomputation and a restored window, multiplying matrices', () => {
    equalsRecomputation(() => create(multiply), multiply, matrix);
  });
});

describe('SubtractOnEvict', () => {
  it('equals recomputation and a restored window, taking the older off the left', () => {
    equalsRecomputation(() => new SubtractOnEvict({ combine: multiply, invert: divide }), multiply, matrix);
  });

  it('takes out what leaves together by one call', () => {
    const calls: string[] = [];
    const sliding = new SubtractOnEvict<string>({
      combine: concat,
      invert: (value, older) => {
        calls.push(`${value} - ${older}`);
        return value.slice(older.length);
      },
    });
    for (const letter of 'abcde') sliding.insert(letter);
    sliding.evict(3);
    sliding.evict(0);
    expect(sliding.query()).toBe('de');
    sliding.evict(2);
    expect(sliding.query()).toBeUndefined();
    expect(calls).toEqual(['abcde - abc']);
  });
});

describe('RefreshedSubtract', () => {
  it('equals recomputation and a restored window, taking the older off the left', () => {
    equalsRecomputation(() => new RefreshedSubtract({ combine: multiply, invert: divide }), multiply, matrix);
  });

  const addition = { combine: (a: number, b: number) => a + b, invert: (a: number, b: number) => a - b };

  it.each(['average', 'worst-case'] as const)(
    'equals recomputation, with infinities passing through (%s)',
    (latency) => {
      const partialAt = (i: number) => (i % 7 === 3 ? Infinity : i);
      equalsRecomputation(() => new RefreshedSubtract(addition, latency), addition.combine, partialAt);
    },
  );

  it('equals recomputation, with infinities in pairs passing through', () => {
    type SumAndCount = readonly [sum: number, count: number];
    const pairs = {
      combine: ([a, n]: SumAndCount, [b, m]: SumAndCount): SumAndCount => [a + b, n + m],
      invert: ([a, n]: SumAndCount, [b, m]: SumAndCount): SumAndCount => [a - b, n - m],
    };
    const partialAt = (i: number): SumAndCount => [i % 7 === 3 ? Infinity : i, 1];
    equalsRecomputation(() => new RefreshedSubtract(pairs), pairs.combine, partialAt);
  });

  it('forgets an error when what it came with has left', () => {
    const sliding = new RefreshedSubtract(addition);
    const values = [1e17, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    for (const [i, value] of values.entries()) {
      sliding.insert(value);
      if (i >= 3) sliding.evict();
    }
    expect(sliding.query()).toBe(0.4 + 0.5 + 0.6);
  });
});

describe('on a ring of numbers', () => {
  // x -> slope * x + shift modulo 101 as the number slope * 101 + shift: one after the other, in their order.
  const compose = (older: number, newer: number): number => {
    const [slope, shift] = [Math.floor(newer / 101), newer % 101];
    return ((Math.floor(older / 101) * slope) % 101) * 101 + (((older % 101) * slope + shift) % 101);
  };

  it.each([
    ['TwoStacks', () => new TwoStacks(compose, newNumberRing)],
    ['DabaLite', () => new DabaLite(compose, newNumberRing)],
  ] as const)('%s equals recomputation', (_, create) => {
    equalsRecomputation(create, compose, (i) => ((i * 7 + 2) % 100) * 101 + i);
  });

  it('SubtractOnEvict equals recomputation', () => {
    const sum = (a: number, b: number) => a + b;
    const create = () => new SubtractOnEvict({ combine: sum, invert: (a: number, b: number) => a - b }, newNumberRing);
    equalsRecomputation(create, sum, (i) => i);
  });
});

describe('calls of combine', () => {
  function counted(create: (combine: Combine<number>) => SlidingAggregator<number>) {
    let calls = 0;
    const sliding = create((a, b) => {
      calls++;
      return Math.max(a, b);
    });
    return {
      sliding,
      /** How many calls the work takes. */
      during(work: () => void): number {
        calls = 0;
        work();
        return calls;
      },
    };
  }

  it.each([1, 2, 3, 10, 1_000, 4_097])('of TwoStacks are at most 3.01 a slide on average, window %i', (length) => {
    const { sliding, during } = counted((combine) => new TwoStacks(combine));
    for (let i = 0; i < length; i++) sliding.insert(i);
    const slides = 20 * length;
    const calls = during(() => {
      for (let i = 0; i < slides; i++) {
        sliding.insert((i * 7_919) % 1_000);
        sliding.evict();
        sliding.query();
      }
    });
    expect(calls / slides).toBeLessThanOrEqual(3.01);
  });

  it('of DabaLite are at most 6 for any insert, evict and query, however the window has grown and shrunk', () => {
    const phase = fc.record({ inserts: fc.integer({ min: 0, max: 40 }), evicts: fc.integer({ min: 0, max: 40 }) });
    const slides = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(fc.array(fc.tuple(phase, slides), { maxLength: 8 }), (phases) => {
        const { sliding, during } = counted((combine) => new DabaLite(combine));
        let worst = 0;
        for (const [{ inserts, evicts }, count] of phases) {
          for (let i = 0; i < inserts; i++) worst = Math.max(worst, during(() => sliding.insert(i)) + 3);
          for (let i = 0; i < evicts; i++) worst = Math.max(worst, during(() => sliding.evict()) + 4);
          for (let i = 0; i < count; i++) {
            const calls = during(() => {
              sliding.insert(i);
              sliding.evict();
              sliding.query();
            });
            worst = Math.max(worst, calls);
          }
        }
        expect(worst).toBeLessThanOrEqual(6);
      }),
      propertySettings(),
    );
  });

  it('of DabaLite reach 6, so the bound is not an empty one', () => {
    const { sliding, during } = counted((combine) => new DabaLite(combine));
    const worst = (length: number): number => {
      for (let i = 0; i < length; i++) sliding.insert(i);
      const calls = Array.from({ length: 4 * length }, (_, i) =>
        during(() => {
          sliding.insert(i);
          sliding.evict();
          sliding.query();
        }),
      );
      return Math.max(...calls);
    };
    expect(worst(1_000)).toBe(6);
  });
});
