import type { Observable } from 'rxjs';
import type { StateDescription } from './batchState.js';
import type { Key } from './key.js';
import { sourcesOf } from './lineage.js';

/** Of a state with keys and values of any type. */
export type AnyStateDescription = StateDescription<Key, never>;

const statesByStream = new WeakMap<object, Set<AnyStateDescription>>();

/**
 * Collects in `states` what the stateful operators behind `stream` announce: the driver of the stream knows by that which
 * states there are before the operators get their first batch, which may be long after the start (a window swallows batches).
 */
export function collectStates(stream: Observable<unknown>, states: Set<AnyStateDescription>): void {
  statesByStream.set(stream, states);
}

/**
 * Announces the state of an operator to the streams that `stream` is derived from. Called when the operator is subscribed to;
 * the function that it returns withdraws the state, when the subscription ends.
 */
export function announceState<K extends Key, S>(
  stream: Observable<unknown>,
  description: StateDescription<K, S>,
): () => void {
  // A copy: an operator that is subscribed to twice has two states.
  const announced = { ...description } as unknown as AnyStateDescription;
  const all = collectionsOf(stream);
  for (const states of all) states.add(announced);
  return () => {
    for (const states of all) states.delete(announced);
  };
}

function collectionsOf(stream: Observable<unknown>): ReadonlySet<Set<AnyStateDescription>> {
  const own = statesByStream.get(stream);
  return own ? new Set([own]) : new Set(sourcesOf(stream).flatMap((source) => [...collectionsOf(source)]));
}
