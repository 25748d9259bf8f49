import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompensatedSum } from '../../src/windows/compensatedSum.js';
import { addExact, exactSum, roundExact } from '../../src/windows/exactSum.js';
import { propertySettings } from '../property/settings.js';

const exactly = (values: readonly number[]) =>
  roundExact(values.map(exactSum).reduce((a, b) => addExact(a, b), exactSum(0)));

describe('CompensatedSum', () => {
  it('equals exact sums of the window, with values far apart, NaN and infinities passing through', () => {
    const values = fc.oneof(
      { weight: 12, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
      { weight: 4, arbitrary: fc.integer({ min: -9, max: 9 }) },
      { weight: 2, arbitrary: fc.constantFrom(1e17, -1e17, 1e-30, 1e300) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity) },
    );
    const steps = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: values.map((value) => ({ value })) },
        { weight: 4, arbitrary: fc.integer({ min: 0, max: 4 }).map((evict) => ({ evict })) },
        { weight: 1, arbitrary: fc.constant({ evict: 100 }) },
        { weight: 1, arbitrary: fc.constant('clear' as const) },
      ),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, (drawn) => {
        const sliding = new CompensatedSum();
        let live: number[] = [];
        for (const step of drawn) {
          if (step === 'clear') {
            sliding.clear();
            live = [];
          } else if ('value' in step) {
            sliding.insert(step.value);
            live.push(step.value);
          } else {
            sliding.evict(step.evict);
            live = live.slice(step.evict);
          }
          expect(sliding.size).toBe(live.length);
          const actual = sliding.query();
          if (live.length === 0) {
            expect(actual).toBeUndefined();
            continue;
          }
          const expected = exactly(live);
          if (!Number.isFinite(expected)) {
            expect(actual).toBe(expected);
            continue;
          }
          const magnitudes = exactly(live.map(Math.abs));
          expect(Math.abs((actual as number) - expected)).toBeLessThanOrEqual(1e-15 * magnitudes);
        }
      }),
      propertySettings(),
    );
  });
});

describe('drift', () => {
  // In full with the nightly number of cases, or by DRIFT_SLIDES=100000000: under two minutes.
  const nightly = Number(process.env.PROPERTY_CASES ?? 0) >= 100_000;
  const slides = Number(process.env.DRIFT_SLIDES ?? (nightly ? 100_000_000 : 1_000_000));
  const length = 1_000;
  const [unit, unitsOfOutlier] = [2 ** -53, BigInt(1e17) << 53n];

  /** Uniform in [0, 1) with 53 bits, as an integer number of 2^-53, by xorshift. */
  function* integers(seed: number): Generator<number, never> {
    let state = seed | 1;
    const next = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    };
    for (;;) yield (next() >>> 5) * 2 ** 26 + (next() >>> 6);
  }

  it(`is at most 1e-12 of the exact sum after ${slides} slides, with 1e17 and Infinity passing through`, () => {
    const seed = propertySettings().seed;
    const draw = integers(seed);
    const sliding = new CompensatedSum();
    let plain = 0;
    const ring = new Float64Array(length);
    // What passes through, by the slide at which it comes.
    const outliers = new Map<number, number>();
    for (const at of [0.1, 0.3, 0.5, 0.7]) {
      outliers.set(Math.floor(slides * at), 1e17);
      outliers.set(Math.floor(slides * at) + 3 * length, Infinity);
    }
    const lastOutlier = Math.max(...outliers.keys());
    let worst = 0;
    let worstPlain = 0;
    let checked = 0;

    for (let i = 0; i < slides; i++) {
      const value = outliers.get(i) ?? (draw.next().value as number) * unit;
      if (i >= length) {
        sliding.evict();
        plain -= ring[i % length] as number;
      }
      sliding.insert(value);
      // The plain sum is spared the infinities, which would leave NaN for ever.
      ring[i % length] = value;
      plain += Number.isFinite(value) ? value : 0;
      if (!Number.isFinite(value)) ring[i % length] = 0;

      const near = i > lastOutlier - 4 * length && i < lastOutlier + 2 * length;
      if (i % 9_973 !== 0 && !(near && i % 97 === 0) && i < slides - 100) continue;
      const infinite = [...outliers].some(([at, outlier]) => outlier === Infinity && at <= i && i < at + length);
      if (infinite) {
        expect(sliding.query()).toBe(Infinity);
        continue;
      }
      let exact = 0n;
      for (const each of ring) exact += each === 1e17 ? unitsOfOutlier : BigInt(each / unit);
      const expected = Number(exact) * unit;
      worst = Math.max(worst, Math.abs((sliding.query() as number) - expected) / expected);
      worstPlain = Math.max(worstPlain, Math.abs(plain - expected) / expected);
      checked++;
    }
    console.log(`drift: ${worst} after ${slides} slides, checked ${checked} times; a plain sum: ${worstPlain}`);
    expect(checked).toBeGreaterThan(100);
    expect(worst).toBeLessThanOrEqual(1e-12);
    // Else the values would not put anything to the test.
    expect(worstPlain).toBeGreaterThan(1e-6);
  }, 600_000);
});
