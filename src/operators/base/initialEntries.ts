import { InvalidStateError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { copyFault } from '../../collections/copyFault.js';

/**
 * The initial states for each subscription. Each subscription reads them again, one by one, so that no second list of them is
 * made; but an iterator, which can be read only once, is kept for the next subscription.
 *
 * States may be changed in place, and a `retry()` must not begin with changed ones. State with an id is plain data, which can
 * be copied; other state is used as it is.
 *
 * @throws {InvalidStateError} (when iterated) when a state with an id cannot be copied as it is
 */
export function initialEntries<K extends Key, S>(
  initial: Iterable<readonly [K, S]>,
  id: string | undefined,
  operator = 'initialState',
): Iterable<readonly [K, S]> {
  // An iterator is its own iterable.
  const entries = Object.is(initial[Symbol.iterator](), initial) ? [...initial] : initial;
  return id === undefined ? entries : { [Symbol.iterator]: () => copies(checked(entries, operator, id)) };
}

function* checked<K extends Key, S>(
  entries: Iterable<readonly [K, S]>,
  operator: string,
  id: string,
): Generator<readonly [K, S]> {
  for (const entry of entries) {
    const fault = copyFault(entry[1]);
    if (fault !== undefined) {
      const rule = `it is in initialState, and it${fault}; a state must be plain data, or built-in objects that structuredClone copies`;
      throw new InvalidStateError(operator, id, entry[0], rule);
    }
    yield entry;
  }
}

/** States per copy: copying them one by one takes several times as long, and all at once several times the memory. */
const statesPerCopy = 1_024;

function* copies<K, S>(entries: Iterable<readonly [K, S]>): Generator<readonly [K, S]> {
  let keys: K[] = [];
  let states: S[] = [];
  const copied = () => {
    const own = structuredClone(states);
    const pairs = keys.map((key, i) => [key, own[i] as S] as const);
    keys = [];
    states = [];
    return pairs;
  };
  for (const [key, state] of entries) {
    keys.push(key);
    states.push(state);
    if (keys.length === statesPerCopy) yield* copied();
  }
  yield* copied();
}
