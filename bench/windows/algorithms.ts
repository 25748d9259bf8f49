// Nanoseconds for one slide: a number enters, a number leaves, the window is asked.

import { CompensatedSum } from '../../src/windows/compensatedSum.js';
import { DabaLite } from '../../src/windows/dabaLite.js';
import { addExact, type ExactSum, exactSum, subtractExact } from '../../src/windows/exactSum.js';
import { newNumberRing } from '../../src/windows/ring.js';
import type { SlidingAggregator } from '../../src/windows/slidingAggregator.js';
import { SubtractOnEvict } from '../../src/windows/subtractOnEvict.js';
import { TwoStacks } from '../../src/windows/twoStacks.js';
import type { Contender } from '../contender.js';

const greater = (a: number, b: number): number => (a > b ? a : b);
const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;

/** Not sorted, not constant: so that a maximum is not always the same branch. */
const values = Float64Array.from({ length: 1 << 14 }, (_, i) => ((i * 7_919) % 10_007) / 3);

function slides<P>(
  panes: number,
  lift: (value: number) => P,
  create: () => SlidingAggregator<P>,
  units = 2_097_152,
): Contender {
  return () => {
    const sliding = create();
    for (let i = 0; i < panes; i++) sliding.insert(lift(values[i & 16_383] as number));
    const partials = Array.from(values, lift);
    let last: P | undefined;
    const slide = (count: number): void => {
      // A variable of the loop: one outside would need room on the heap for each number.
      let value: P | undefined;
      for (let i = 0; i < count; i++) {
        sliding.insert(partials[i & 16_383] as P);
        sliding.evict(1);
        value = sliding.query();
      }
      last = value;
    };
    for (let i = 0; i < 3; i++) slide(units);
    return {
      // Twice around, so that a flip of all panes is counted.
      units,
      run: slide,
      check: () => last,
    };
  };
}

/** What a loop over the values of the window costs at each slide. */
function recompute(panes: number): Contender {
  return () => {
    const ring = Float64Array.from({ length: panes }, (_, i) => values[i & 16_383] as number);
    let last = 0;
    const slide = (count: number): void => {
      for (let i = 0; i < count; i++) {
        ring[i % panes] = values[i & 16_383] as number;
        let best = -Infinity;
        for (let j = 0; j < panes; j++) best = greater(best, ring[j] as number);
        last = best;
      }
    };
    const units = Math.ceil(2e7 / panes);
    slide(units);
    return { units, run: slide, check: () => last };
  };
}

const identity = (value: number): number => value;

export const algorithms: Readonly<Record<string, Contender>> = Object.fromEntries(
  [1_000, 1_000_000].flatMap((panes): [string, Contender][] => {
    const at = `, ${panes.toLocaleString('en')} panes`;
    return [
      [`two stacks${at}`, slides(panes, identity, () => new TwoStacks(greater, newNumberRing))],
      [`DABA Lite${at}`, slides(panes, identity, () => new DabaLite(greater, newNumberRing))],
      [
        `subtract-on-evict${at}`,
        slides(panes, identity, () => new SubtractOnEvict({ combine: add, invert: subtract }, newNumberRing)),
      ],
      [`compensated sum${at}`, slides(panes, identity, () => new CompensatedSum())],
      [
        `exact sum${at}`,
        slides<ExactSum>(
          panes,
          exactSum,
          () => new SubtractOnEvict({ combine: addExact, invert: subtractExact }),
          131_072,
        ),
      ],
      [`recompute${at}`, recompute(panes)],
    ];
  }),
);
