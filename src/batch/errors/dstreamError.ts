/** What went wrong, as a closed union: the documentation lists every code. */
export type DStreamErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_RECORD'
  | 'UNCLAIMED_BATCH'
  | 'LATE_HOLD'
  | 'ABANDONED_BATCH'
  | 'PROCESS_ENDED'
  | 'FOREIGN_STREAM'
  | 'FOREIGN_KEY'
  | 'PARTITIONS_CHANGED'
  | 'SUBSCRIBED_TASK'
  | 'LATE_BATCH'
  | 'MISSING_EVENT_TIME'
  | 'MISSING_ID'
  | 'DUPLICATE_ID'
  | 'UNKNOWN_TOPIC'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OFFSET_TOO_LARGE'
  | 'MALFORMED_RECORD'
  | 'DESERIALIZATION'
  | 'UNSUPPORTED_CODEC'
  | 'UNSUPPORTED_CLIENT'
  | 'RUNTIME_CLOSED'
  | 'FOREIGN_CLUSTER'
  | 'CONNECTION'
  | 'AUTHENTICATION'
  | 'CERTIFICATE'
  | 'AUTHORIZATION'
  | 'TIMED_OUT'
  | 'PROTOCOL'
  | 'QUEUE_OVERFLOW'
  | 'TOO_MANY_ERRORS'
  | 'RECORD_TOO_LARGE'
  | 'RECEIVER'
  | 'INCOMPATIBLE_STATE'
  | 'INVALID_STATE'
  | 'STATE_CLOSED'
  | 'CHECKPOINT'
  | 'CORRUPT_CHECKPOINT'
  | 'STORAGE'
  | 'FENCED'
  | 'PARTITION_FAILED'
  | 'THREAD_EXITED'
  | 'UNCLONEABLE_RECORD'
  | 'MARBLE_SYNTAX'
  | 'MARBLE_MISMATCH';

/** The base of every error this library makes. */
export abstract class DStreamError extends Error {
  /** What went wrong, for programs: it stays the same when the message changes. */
  abstract readonly code: DStreamErrorCode;
  /** Whether the same work may succeed when it is tried again, for instance by `retry()`. */
  readonly retriable: boolean = false;
}
