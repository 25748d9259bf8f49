import { roundingError } from './roundingError.js';

/**
 * A sum of numbers without any rounding: a plain number while one number can represent it (integers up to 2^53, and many
 * more), else several numbers that add up to it.
 *
 * Addition and subtraction are exact, so a value that was subtracted leaves nothing behind, however large it was, and the sum of
 * the same numbers is the same in any order and grouping.
 *
 * Source: Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates", 1997; the way
 * Python's `math.fsum` adds.
 */
export type ExactSum = number | LongSum;

/** A sum that one number cannot represent. */
export interface LongSum {
  /** Numbers that add up to the sum, smallest first. They do not overlap, unless their sum overflows. */
  readonly parts: readonly number[];
  /** Number of NaN in the sum: counted, like the infinities, because subtraction cannot remove them. */
  readonly nan: number;
  /** Number of `Infinity` in the sum. */
  readonly positive: number;
  /** Number of `-Infinity` in the sum. */
  readonly negative: number;
}

const emptySum: LongSum = { parts: [], nan: 0, positive: 0, negative: 0 };

/** One number as a sum. */
export function exactSum(value: number): ExactSum {
  if (Number.isFinite(value)) return value;
  if (value > 0) return { ...emptySum, positive: 1 };
  return value < 0 ? { ...emptySum, negative: 1 } : { ...emptySum, nan: 1 };
}

export function addExact(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (roundingError(a, b, sum) === 0) return sum;
  }
  return addLong(toLong(a), toLong(b), 1);
}

export function subtractExact(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof b === 'number') return addExact(a, -b);
  return addLong(toLong(a), b, -1);
}

/** The sum as one number, rounded once. */
export function roundExact(sum: ExactSum): number {
  if (typeof sum === 'number') return sum;
  const { parts, nan, positive, negative } = sum;
  if (nan > 0 || (positive > 0 && negative > 0)) return Number.NaN;
  if (positive > 0) return Infinity;
  if (negative > 0) return -Infinity;
  return roundParts(parts);
}

function toLong(sum: ExactSum): LongSum {
  return typeof sum === 'number' ? { ...emptySum, parts: [sum] } : sum;
}

function addLong(a: LongSum, b: LongSum, sign: 1 | -1): ExactSum {
  let parts = a.parts;
  for (const part of b.parts) parts = addPart(parts, sign * part);
  const nan = a.nan + sign * b.nan;
  const positive = a.positive + sign * b.positive;
  const negative = a.negative + sign * b.negative;
  if (parts.length <= 1 && nan === 0 && positive === 0 && negative === 0) return parts[0] ?? 0;
  return { parts, nan, positive, negative };
}

/** Carries `value` upwards through the parts; each rounding error becomes a part. */
function addPart(parts: readonly number[], value: number): number[] {
  const result: number[] = [];
  let carry = value;
  for (const part of parts) {
    const sum = carry + part;
    if (Number.isFinite(sum)) {
      const rest = roundingError(carry, part, sum);
      if (rest !== 0) result.push(rest);
      carry = sum;
    } else {
      // Both stay as they are: an overflow may go away when one of them is subtracted.
      result.push(carry);
      carry = part;
    }
  }
  if (carry !== 0) result.push(carry);
  return result;
}

function roundParts(parts: readonly number[]): number {
  let sum = 0;
  let rest = 0;
  let i = parts.length - 1;
  for (; i >= 0 && rest === 0; i--) {
    const part = parts[i] as number;
    const before = sum;
    sum = before + part;
    if (!Number.isFinite(sum)) return sum;
    rest = roundingError(before, part, sum);
  }
  // Half a unit in the last place was rounded to even, but smaller parts decide to which side it belongs.
  const below = parts[i] ?? 0;
  if ((rest < 0 && below < 0) || (rest > 0 && below > 0)) {
    const nudged = sum + rest * 2;
    if (nudged - sum === rest * 2) return nudged;
  }
  return sum;
}
