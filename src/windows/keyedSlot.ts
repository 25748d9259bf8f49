import type { SlidingAggregator } from './slidingAggregator.js';

/** The aggregate of one key within a `KeyedWindow`. There may be millions, so fields that are not needed share their values. */
export class KeyedSlot<K, P> {
  readonly key: K;
  /** How many panes in the window have the key. At 0 the key leaves. */
  panes = 0;
  /** Whether it has left the window: a key that comes back has another slot. */
  removed = false;
  /** The number of the last slide that touched it. */
  slide = 0;
  value: P;
  /** Without an inverse from the second pane on; with one only while a number is in it that cannot be taken out. */
  sliding: SlidingAggregator<P> | undefined = undefined;
  /** Whether `sliding` has changed since `value` was taken from it. */
  changed = false;
  /** With an inverse that is not exact: the newest panes by themselves, reduced, and how many they are. */
  fresh: P;
  freshPanes = 0;
  /** With an inverse: how many panes have NaN or an infinity for the key. */
  nonFinite = 0;

  constructor(key: K, partial: P) {
    this.key = key;
    this.value = partial;
    this.fresh = partial;
  }

  /** Taken only when it is asked for, so that what enters and leaves in one slide costs one call. */
  current(): P {
    if (this.changed) {
      this.value = this.sliding?.query() as P;
      this.changed = false;
    }
    return this.value;
  }
}
