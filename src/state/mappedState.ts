import type { CommittedState } from '../batch/committedState.js';
import type { Key } from '../batch/key.js';

/** A committed state whose states are shown by a function: what an operator keeps is not what a user expects to read. */
export function mappedState<K extends Key, S, R>(
  committed: CommittedState<K, S>,
  show: (state: S) => R,
): CommittedState<K, R> {
  return {
    get time() {
      return committed.time;
    },
    get size() {
      return committed.size;
    },
    get: (key) => {
      const state = committed.get(key);
      return state === undefined ? undefined : show(state);
    },
    *entries() {
      for (const [key, state] of committed.entries()) yield [key, show(state)];
    },
  };
}
