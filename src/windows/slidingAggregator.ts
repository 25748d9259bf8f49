/**
 * The aggregate of the partials in a sliding window: they enter at one end and leave at the other.
 *
 * Two stacks overwrite the partials by aggregates of several, so none of the algorithms gives partials back. Whoever
 * saves a window keeps its panes (the operators keep them in their state, by batch time) and inserts them again.
 */
export interface SlidingAggregator<P> {
  /** How many partials are in the window. */
  readonly size: number;
  /** Adds the newest partial. */
  insert(partial: P): void;
  /** Removes the `count` oldest partials, by default one; all when there are fewer. */
  evict(count?: number): void;
  /** The aggregate of all partials, oldest first; `undefined` when there are none. */
  query(): P | undefined;
  /** Removes all partials. */
  clear(): void;
}
