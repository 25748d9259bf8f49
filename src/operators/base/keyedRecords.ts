import type { Key, Pair } from '../../batch/key.js';
import { checkPair } from '../../collections/pairs.js';
import type { WindowResult } from '../eventWindowOptions.js';

/** How pairs go into event-time windows, and come out of them. */
export function keyedRecords<K extends Key, V, Out>(operator: string) {
  return {
    operator,
    keyOf: (record: Pair<K, V>): K => {
      if (!Array.isArray(record)) checkPair(operator, record);
      return record[0];
    },
    checkKey: (record: Pair<K, V>): void => checkPair(operator, record),
    inputOf: (record: Pair<K, V>): V => record[1],
    resultOf: (key: K, result: WindowResult<Out>): Pair<K, WindowResult<Out>> => [key, result],
  };
}
