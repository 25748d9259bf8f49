import type { SlidingAggregator } from '../../src/windows/slidingAggregator.js';

/** Recomputes at every query: what all others must equal. */
export class Recompute<P> implements SlidingAggregator<P> {
  readonly #partials: P[] = [];
  readonly #combine: (older: P, newer: P) => P;

  constructor(combine: (older: P, newer: P) => P) {
    this.#combine = combine;
  }

  get size(): number {
    return this.#partials.length;
  }

  insert(partial: P): void {
    this.#partials.push(partial);
  }

  evict(count = 1): void {
    this.#partials.splice(0, count);
  }

  query(): P | undefined {
    return this.#partials.length > 0 ? this.#partials.reduce((a, b) => this.#combine(a, b)) : undefined;
  }

  clear(): void {
    this.#partials.length = 0;
  }

  partials(): readonly P[] {
    return this.#partials;
  }
}

/** A 2x2 matrix modulo a prime, row by row: multiplication is associative, not commutative, and has an inverse. */
export type Matrix = readonly [number, number, number, number];

const prime = 10_007;

export const multiply = ([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix => [
  (a * e + b * g) % prime,
  (a * f + b * h) % prime,
  (c * e + d * g) % prime,
  (c * f + d * h) % prime,
];

/** Takes the older matrix off the left. */
export const divide = (value: Matrix, [a, b, c, d]: Matrix): Matrix => {
  const determinant = (((a * d - b * c) % prime) + prime) % prime;
  const inverse = power(determinant, prime - 2);
  const entry = (n: number) => ((((n % prime) + prime) % prime) * inverse) % prime;
  return multiply([entry(d), entry(-b), entry(-c), entry(a)], value);
};

/** An invertible matrix made of any two numbers: the product of two whose determinants are 1. */
export const matrixOf = (x: number, y: number): Matrix => multiply([1, x % prime, 0, 1], [1, 0, y % prime, 1]);

function power(base: number, exponent: number): number {
  let result = 1;
  let factor = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * factor) % prime;
    factor = (factor * factor) % prime;
  }
  return result;
}
