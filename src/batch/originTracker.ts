import type { Partition } from './partition.js';
import type { RecordOrigin } from './recordErrors.js';

/** Knows where the record that is being processed was read from. Only used where failed records are put aside. */
export class OriginTracker {
  /** The record as its source sees it, while that is decoded. */
  view: RecordOrigin | undefined;
  /** Puts aside the record that `view` shows: its source cannot deserialize it. */
  refuse: ((error: unknown) => void) | undefined;
  #partition: Partition<unknown> | undefined;
  #offset: number | undefined;

  at(partition: Partition<unknown>, index: number): void {
    this.view = undefined;
    this.#partition = partition;
    this.#offset = partition.offsets?.[index];
  }

  /** The record has been decoded before, and only its offset is known. */
  decoded(offset: number | undefined): void {
    this.view = undefined;
    this.#offset = offset;
  }

  get offset(): number | undefined {
    return this.view?.offset ?? this.#offset;
  }

  /** Bytes are copied: the view belongs to its source. */
  get origin(): RecordOrigin | undefined {
    if (this.view) {
      const { topic, partition, offset, key, value, headers } = this.view;
      const copied = headers?.map(([name, bytes]) => [name, bytes && Uint8Array.from(bytes)] as const);
      return {
        topic,
        partition,
        offset,
        ...(key !== undefined && { key: key && Uint8Array.from(key) }),
        ...(value !== undefined && { value: value && Uint8Array.from(value) }),
        ...(copied && { headers: copied }),
      };
    }
    const offset = this.offset;
    const range = this.#partition?.range;
    return range && offset !== undefined ? { topic: range.topic, partition: range.partition, offset } : undefined;
  }
}
