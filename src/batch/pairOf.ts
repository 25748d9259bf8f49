import type { Pair } from './key.js';

/** An array of two elements: what a function returns that makes pairs. */
export type PairLike = readonly [unknown, unknown];

/**
 * The record that an operator makes of an array of two elements: `Pair<K, V>`, so that `mapRecords((f) => [f.origin,
 * f.delay])` yields pairs with no annotation. `any` stays `any`. An operator whose function returns several has
 * `NothingInferred` as the default of `P`, for functions that return `any` altogether.
 */
export type PairOf<P extends PairLike> = 0 extends 1 & P
  ? P
  : [P] extends [never]
    ? never
    : [P] extends [NothingInferred]
      ? // biome-ignore lint/suspicious/noExplicitAny: what it was made from is `any`
        any
      : P extends readonly [infer K, infer V]
        ? Pair<K, V>
        : never;

/** No function returns this. */
export type NothingInferred = readonly [never, never];

/**
 * Lets the compiler take an array literal that a function returns for a tuple, as in `(a, b) => [a[0] + b[0], a[1] + b[1]]`: one member of
 * the return type is a tuple. No value has this type.
 */
export type TupleHint = readonly [never, never];
