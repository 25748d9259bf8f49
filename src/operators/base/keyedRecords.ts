import type { Key, Pair } from '../../batch/key.js';
import { checkOwnKey } from '../../collections/ownKeys.js';
import { checkPair } from '../../collections/pairs.js';
import { shortLivedPair } from '../../eventtime/shortLived.js';
import type { EmittedWindow, WindowEmit, WindowResult, WindowUpdate } from '../eventWindowOptions.js';

/** How pairs go into event-time windows, and come out of them. */
export function keyedRecords<K extends Key, V, Out, E extends WindowEmit>(operator: string) {
  return {
    operator,
    keyOf: (record: Pair<K, V>): K => {
      if (!Array.isArray(record) || record.length < 2) checkPair(operator, record);
      const [key] = record;
      if (typeof key !== 'string' && typeof key !== 'number') checkPair(operator, record);
      checkOwnKey(operator, key);
      return key;
    },
    inputOf: (record: Pair<K, V>): V => record[1],
    resultOf: (key: K, result: WindowResult<Out> | WindowUpdate<Out>): Pair<K, EmittedWindow<Out, E>> =>
      shortLivedPair(key, result as EmittedWindow<Out, E>),
  };
}
