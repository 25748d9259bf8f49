import type { RecordView } from './recordView.js';

/**
 * A deserializer that parses the value of each record as JSON. Nothing checks that the result has the shape of `T`. A record without a
 * value (a tombstone) becomes `null`, so read a topic that has them as `json<T | null>()`.
 *
 * @see {@link string} for text
 * @see {@link bytes} for any other format
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
