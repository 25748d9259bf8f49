/**
 * A way to aggregate the values of a window: `lift` turns an input into a partial, `combine` turns two partials into one,
 * `lower` turns a partial into the result. A window keeps one partial per batch and combines them as it slides.
 *
 * `combine` must be associative; it need not be commutative, because older partials always come first. Windows, panes and
 * checkpoints share partials: `combine` must not change its arguments, and partials must be plain data. The functions are
 * called without `this`.
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
   * Identifies the aggregator in a checkpoint, parameters included, such as `topN(3)`: partials saved under another name are
   * refused, because they would be misread. Without it the shape of `identity` identifies the aggregator.
   */
  readonly name?: string;
  /** The partial of no input: combined with any other partial, it results in the other. */
  readonly identity: P;
  /** Returns the partial of one input. */
  readonly lift: (input: In) => P;
  /** Returns the partial of two partials. Associative; must not change its arguments. */
  readonly combine: (older: P, newer: P) => P;
  /** Returns the result of a partial. */
  readonly lower: (partial: P) => Out;
  /**
   * Adds an input to a partial that `lift` or `add` has returned and nothing else refers to, so it may change it in place; if it throws, it
   * must have changed nothing, since the partial goes on without the record where the stream puts failed records aside.
   * Without it, inputs are lifted and combined one by one.
   */
  readonly add?: (partial: P, input: In) => P;
  /**
   * Whether the result depends on the order of the inputs, as that of `first` does. An event-time window then keeps its records, and
   * aggregates them by event time when it closes; without it partials are combined in any order.
   * @default false
   */
  readonly ordered?: boolean;
}
