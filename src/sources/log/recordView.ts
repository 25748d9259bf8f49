/** A header of a record. Keys may repeat. */
export type RecordHeader = readonly [key: string, value: Uint8Array | null];

/**
 * A record of a log as `deserialize` sees it, without a copy.
 *
 * One object serves all records of a fetch, and the bytes are views on the fetched buffer: what is to outlive the call
 * must be copied or decoded (`keyText()`, `valueText()`, `slice()`).
 */
export interface RecordView {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch: create time, or append time where the topic says so. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Bytes of the key, -1 when it is null. */
  readonly keyLength: number;
  /** Bytes of the value, -1 when it is null. */
  readonly valueLength: number;
  /** The key as UTF-8 text, decoded straight from the fetched buffer. */
  keyText(): string | null;
  /** The value as UTF-8 text, decoded straight from the fetched buffer. */
  valueText(): string | null;
}
