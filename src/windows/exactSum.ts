import { roundingError } from './roundingError.js';

/**
 * A sum of numbers without any rounding: a plain number while one number can say it (integers up to 2^53, and many
 * more), else several that add up to it.
 *
 * Adding and taking out are exact, so a value that has left leaves nothing behind, however large it was, and the same
 * numbers give the same sum in any order and grouping.
 *
 * Source: Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates", 1997; the way
 * Python's `math.fsum` adds.
 */
export type ExactSum = number | LongSum;

export interface LongSum {
  /** They do not overlap, smallest first, unless their sum overflows. */
  readonly parts: readonly number[];
  /** How many NaN, Infinity and -Infinity are in the sum: counted, because they cannot be taken out by subtraction. */
  readonly nan: number;
  readonly positive: number;
  readonly negative: number;
}

const nothing: LongSum = { parts: [], nan: 0, positive: 0, negative: 0 };

/** One number as a sum. */
export function exactSum(value: number): ExactSum {
  if (Number.isFinite(value)) return value;
  if (value > 0) return { ...nothing, positive: 1 };
  return value < 0 ? { ...nothing, negative: 1 } : { ...nothing, nan: 1 };
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
  return typeof sum === 'number' ? { ...nothing, parts: [sum] } : sum;
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

/** Carries `value` upwards through the parts; what each rounding leaves becomes a part. */
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
      // Both stay as they are: what overflows may come back when one of them leaves.
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
  // Half a unit in the last place has been rounded to even, but smaller parts say to which side it belongs.
  const below = parts[i] ?? 0;
  if ((rest < 0 && below < 0) || (rest > 0 && below > 0)) {
    const nudged = sum + rest * 2;
    if (nudged - sum === rest * 2) return nudged;
  }
  return sum;
}
