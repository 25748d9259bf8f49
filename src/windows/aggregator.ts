/**
 * A way to put the values of a window together: `lift` makes a partial of one input, `combine` makes one partial of two,
 * `lower` makes the result of a partial. A window keeps partials, one a batch, and combines them as it slides.
 *
 * `combine` must be associative; it need not be commutative, because older partials always come first. Partials are
 * shared between windows, panes and checkpoints: `combine` must leave its arguments as they are, and partials must be
 * plain data. The functions are called without `this`.
 *
 * Source: lift, combine and lower of Tangwongsan, Hirzel, Schneider and Wu, "General incremental sliding-window
 * aggregation", PVLDB 8(7), 2015.
 *
 * @example
 * ```ts
 * import { type Aggregator } from 'dstream';
 * import { aggregate } from 'dstream/aggregators';
 *
 * const longest: Aggregator<string, string, number> = {
 *   identity: '',
 *   lift: (word) => word,
 *   combine: (older, newer) => (newer.length > older.length ? newer : older),
 *   lower: (word) => word.length,
 * };
 * console.log(aggregate(longest, ['to', 'be', 'or', 'not']));
 * // => 3
 * ```
 */
export interface Aggregator<In, P, Out> {
  /**
   * What a checkpoint knows it by, parameters included, such as `topN(3)`: partials that were saved under another name are
   * refused, because they would be read wrongly. Without it the shape of `identity` must do.
   */
  readonly name?: string;
  /** The partial of no input at all: combined with any other, it gives the other. */
  readonly identity: P;
  readonly lift: (input: In) => P;
  readonly combine: (older: P, newer: P) => P;
  readonly lower: (partial: P) => Out;
  /**
   * Adds an input to a partial that `lift` or `add` has made and nobody else has seen, so it may change it in place.
   * Without it inputs are lifted and combined one by one.
   */
  readonly add?: (partial: P, input: In) => P;
}
