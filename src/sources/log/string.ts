import type { RecordView } from './recordView.js';

/**
 * A deserializer that returns the value of each record as UTF-8 text, `null` for a record without a value.
 *
 * @see {@link memoryLog} for an example
 * @see {@link json} for JSON
 * @see {@link bytes} for any other format
 */
export function string(): (view: RecordView) => string | null {
  return (view) => view.valueText();
}
