import type { RecordView } from './recordView.js';

/**
 * A deserializer that copies the bytes of each value, `null` for a record without a value.
 *
 * @see {@link string} for text
 * @see {@link json} for JSON
 *
 * @example
 * ```ts
 * import { bytes, foreachBatch, logBatches, memoryLog } from 'dstream';
 *
 * const log = memoryLog({ topics: { sensors: 1 } });
 * log.append('sensors', [{ value: Uint8Array.of(1, 2, 3) }]);
 * const readings = logBatches(log, { topics: ['sensors'], start: 'earliest', interval: 10, deserialize: bytes() });
 * readings.pipe(foreachBatch(([reading]) => console.log(reading))).subscribe(() => readings.stop());
 * // => Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export function bytes(): (view: RecordView) => Uint8Array | null {
  return (view) => view.value && Uint8Array.from(view.value);
}
