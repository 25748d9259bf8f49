import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';

/** Puts what an operator holds of the keys that a batch touched into its state; keys of which it holds nothing leave. */
export function saveTouched<K extends Key, S>(
  state: Pick<KeyedState<K, S>, 'set' | 'delete'>,
  held: { of(key: K): S | undefined },
  touched: Iterable<K>,
): void {
  for (const key of touched) {
    const value = held.of(key);
    if (value) state.set(key, value);
    else state.delete(key);
  }
}
