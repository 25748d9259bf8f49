import type { RecordView } from './recordView.js';

/** A deserializer that copies the bytes of each value, `null` for a record without a value. */
export function bytes(): (view: RecordView) => Uint8Array | null {
  return (view) => view.value && Uint8Array.from(view.value);
}
