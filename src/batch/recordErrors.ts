/** The batch of a record, as `RecordErrors` sees it: its context. */
export interface BatchOfRecords {
  /** The batch time, in ms. */
  readonly time: number;
}

/** Where a record was read from. Bytes are copies. */
export interface RecordOrigin {
  /** Topic of the record. */
  readonly topic: string;
  /** Partition of the record. */
  readonly partition: number;
  /** Offset of the record. */
  readonly offset: number;
  /** The bytes of the key, where they are known; `null` for a record without a key. */
  readonly key?: Uint8Array | null;
  /** The bytes of the value, where they are known; `null` for a tombstone. */
  readonly value?: Uint8Array | null;
  /** The headers, where they are known. */
  readonly headers?: readonly (readonly [key: string, value: Uint8Array | null])[];
}

/** A record for which a user's function threw, as the operator sees it. */
export interface FailedRecord {
  /**
   * The operator whose function threw; `deserialize` where a source could not make a record of the bytes, and `onBatchError` where the
   * batch was given up.
   */
  readonly operator: string;
  /** The operator's `id`, where it has one. */
  readonly id?: string | undefined;
  /**
   * The record as the operator received it: for `deserialize` the bytes of its value, and for `onBatchError` too, unless the record had been
   * decoded.
   */
  readonly record: unknown;
  /** What the function threw, or what the batch failed by. */
  readonly error: unknown;
}

/** What a stream does with records for which a user's function throws; absent where such an error fails the stream. */
export interface RecordErrors {
  /** An error has failed the batch: nothing is put aside any more. */
  readonly failing: boolean;
  /**
   * Puts a record aside.
   *
   * @throws {TooManyErrorsError} when there are more than the stream allows
   */
  putAside(failed: FailedRecord, origin: RecordOrigin | undefined, batch: BatchOfRecords): void;
  /** How many records of a batch were put aside. */
  countOf(batch: BatchOfRecords): number;
  /** Throws an error that fails the batch, whatever record it happened at. */
  fail(error: unknown): never;
}
