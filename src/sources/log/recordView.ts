/** A header of a record: key and value. Keys may repeat. */
export type RecordHeader = readonly [key: string, value: Uint8Array | null];

/**
 * A record of a log as `deserialize` sees it, without a copy.
 *
 * One object serves all records of a fetch, and the bytes are views of the fetched buffer: copy or decode (`keyText()`,
 * `valueText()`, `slice()`) whatever must outlive the call.
 */
export interface RecordView {
  /** Topic of the record. */
  readonly topic: string;
  /** Partition of the record. */
  readonly partition: number;
  /** Offset of the record. */
  readonly offset: number;
  /** Milliseconds since the epoch: create time, or append time where the topic is configured so. */
  readonly timestamp: number;
  /** A view of the key's bytes; `null` for a record without a key. */
  readonly key: Uint8Array | null;
  /** A view of the value's bytes; `null` for a tombstone. */
  readonly value: Uint8Array | null;
  /** The headers, decoded on each access. */
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
