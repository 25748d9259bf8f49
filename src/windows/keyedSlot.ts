import type { SlidingAggregator } from './slidingAggregator.js';

/** The aggregate of one key in a `KeyedWindow`. There may be millions, so unused fields share their values. */
export class KeyedSlot<K, P> {
  readonly key: K;
  /** Number of panes in the window that contain the key. At 0 the key leaves. */
  panes = 0;
  /** Whether the key has left the window: if it returns, it has another slot. */
  removed = false;
  /** The number of the last slide that touched it. */
  slide = 0;
  value: P;
  /** Without an inverse: from the second pane on. With one: only while a pane contains a number that cannot be subtracted. */
  sliding: SlidingAggregator<P> | undefined = undefined;
  /** Whether `sliding` has changed since `value` was read from it. */
  changed = false;
  /** With an inverse that is not exact: the newest panes, reduced separately, and their number. */
  fresh: P;
  freshPanes = 0;
  /** With an inverse: number of panes with NaN or an infinity for the key. */
  nonFinite = 0;

  constructor(key: K, partial: P) {
    this.key = key;
    this.value = partial;
    this.fresh = partial;
  }

  /** Read only when needed, so that what enters and leaves in one slide costs one call. */
  current(): P {
    if (this.changed) {
      this.value = this.sliding?.query() as P;
      this.changed = false;
    }
    return this.value;
  }
}
