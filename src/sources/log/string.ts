import type { RecordView } from './recordView.js';

/**
 * A deserializer that gives the value of each record as UTF-8 text, `null` for a record without a value.
 *
 * @see memoryLog for an example
 */
export function string(): (view: RecordView) => string | null {
  return (view) => view.valueText();
}
