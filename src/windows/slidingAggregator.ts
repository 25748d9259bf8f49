/**
 * The aggregate of the partials in a sliding window: they enter at one end and leave at the other.
 *
 * Two stacks overwrite partials with aggregates of several, so none of the algorithms returns partials. To save a window, keep
 * its panes (operators keep them in their state, by batch time) and insert them again.
 */
export interface SlidingAggregator<P> {
  /** Number of partials in the window. */
  readonly size: number;
  /** Adds the newest partial. */
  insert(partial: P): void;
  /** Removes the `count` oldest partials, by default one; all if there are fewer. */
  evict(count?: number): void;
  /** The aggregate of all partials, oldest first; `undefined` for an empty window. */
  query(): P | undefined;
  /** Removes all partials. */
  clear(): void;
}
