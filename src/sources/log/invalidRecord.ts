import type { DeserializationError, MalformedRecordError } from '../../batch/errors.js';

/** A record that could not be given to the operators, as a dead-letter Observer receives it. Bytes are copies. */
export interface InvalidRecord {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the record, or of the first one when a whole record batch is malformed. */
  readonly offset: number;
  /** Offset after the last one concerned: more than `offset` + 1 when a whole record batch is malformed. */
  readonly until: number;
  /** Absent when the bytes are malformed. */
  readonly key?: Uint8Array | null;
  /** Absent when the bytes are malformed. */
  readonly value?: Uint8Array | null;
  readonly error: MalformedRecordError | DeserializationError;
}
