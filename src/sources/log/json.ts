import type { RecordView } from './recordView.js';

/**
 * A deserializer that parses the value of each record as JSON. `T` is taken at its word: nothing checks the shape. A
 * record without a value (a tombstone) gives `null`, so read a topic that has them as `json<T | null>()`.
 *
 * @example
 * ```ts
 * import { foreachBatch, json, logBatches, memoryLog } from 'dstream';
 *
 * const log = memoryLog({ topics: { flights: 1 } });
 * log.append('flights', [{ value: '{"origin":"SFO","delay":7}' }]);
 * const flights = logBatches(log, {
 *   topics: ['flights'],
 *   start: 'earliest',
 *   interval: 10,
 *   deserialize: json<{ origin: string; delay: number }>(),
 * });
 * flights.pipe(foreachBatch(([flight]) => console.log(flight?.origin))).subscribe(() => flights.stop());
 * // => SFO
 * ```
 */
export function json<T>(): (view: RecordView) => T {
  return (view) => {
    const text = view.valueText();
    return (text === null ? null : JSON.parse(text)) as T;
  };
}
