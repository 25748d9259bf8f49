import type { Key } from '../batch/key.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair } from '../collections/pairs.js';
import type { Aggregator } from './aggregator.js';

/**
 * The partial of each key, its values in the order of the records; keys in the order of their first appearance. `visit` passes
 * each record to its argument.
 */
export function partialsByKey<K extends Key, In, P>(
  operator: string,
  aggregator: Aggregator<In, P, unknown>,
  visit: (add: (record: readonly [K, In]) => void) => void,
): Map<K, P> {
  const { lift, combine } = aggregator;
  const add = aggregator.add ?? ((partial: P, input: In) => combine(partial, lift(input)));
  const partials = new Map<K, P>();
  visit((record) => {
    if (!Array.isArray(record)) checkPair(operator, record);
    const key = record[0];
    const before = partials.get(key);
    if (before !== undefined || partials.has(key)) partials.set(key, add(before as P, record[1]));
    else {
      checkPair(operator, record);
      checkOwnKey(operator, key);
      partials.set(key, lift(record[1]));
    }
  });
  return partials;
}
