/**
 * The exact rounding error of `sum = a + b`, unless the sum overflows.
 *
 * Source: Knuth's two-sum, The Art of Computer Programming, volume 2, 4.2.2.
 */
export function roundingError(a: number, b: number, sum: number): number {
  const rounded = sum - a;
  return a - (sum - rounded) + (b - rounded);
}
