import type { OffsetRange } from './offsetRange.js';

// The one closed family of errors, so that `error.code` can be switched over; facts stand in fields, not only in the
// message. It is the one file with several public things.

/** What went wrong, as a closed union: the documentation lists every code. */
export type DStreamErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_RECORD'
  | 'UNCLAIMED_BATCH'
  | 'LATE_HOLD'
  | 'ABANDONED_BATCH'
  | 'MISSING_ID'
  | 'DUPLICATE_ID'
  | 'UNKNOWN_TOPIC'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OFFSET_TOO_LARGE'
  | 'MALFORMED_RECORD'
  | 'DESERIALIZATION'
  | 'UNSUPPORTED_CODEC'
  | 'UNSUPPORTED_CLIENT'
  | 'CONNECTION'
  | 'AUTHENTICATION'
  | 'AUTHORIZATION'
  | 'TIMED_OUT'
  | 'PROTOCOL'
  | 'QUEUE_OVERFLOW'
  | 'INCOMPATIBLE_STATE'
  | 'CHECKPOINT'
  | 'CORRUPT_CHECKPOINT'
  | 'STORAGE'
  | 'MARBLE_SYNTAX';

/** The base of every error this library makes. */
export abstract class DStreamError extends Error {
  abstract readonly code: DStreamErrorCode;
  /** Whether the same work may succeed when it is tried again, for instance by `retry()`. */
  readonly retriable: boolean = false;
}

/** An option has a value that its rule does not allow. */
export class InvalidOptionError extends DStreamError {
  override readonly name = 'InvalidOptionError';
  readonly code = 'INVALID_OPTION';
  constructor(
    /** The operator or source that takes the option. */
    readonly owner: string,
    readonly option: string,
    readonly value: unknown,
    readonly rule: string,
  ) {
    super(`${owner}: ${option} (${describe(value)}) ${rule}`);
  }
}

/** A record is not what the operator needs, for instance not a pair, or keyed by an object. */
export class InvalidRecordError extends DStreamError {
  override readonly name = 'InvalidRecordError';
  readonly code = 'INVALID_RECORD';
  constructor(
    readonly operator: string,
    readonly record: unknown,
    readonly rule: string,
  ) {
    super(`${operator}: record ${describe(record)} ${rule}`);
  }
}

/**
 * A batch of a source with durable progress was dispatched, and nobody took a hold: either there is no output
 * operation, or a foreign asynchronous operator (`delay`, `observeOn`, `concatMap`) stands before it. Saving progress
 * now could lose the batch.
 */
export class UnclaimedBatchError extends DStreamError {
  override readonly name = 'UnclaimedBatchError';
  readonly code = 'UNCLAIMED_BATCH';
  constructor(readonly time: number) {
    super(
      `the batch of time ${time} was dispatched and no operation claimed it: end the pipeline with an output operation ` +
        '(foreachBatch), use concatMapBatch for asynchronous work before it, or set unclaimed to "complete"',
    );
  }
}

/** A hold was asked of a batch that is complete: its progress may be saved already. */
export class LateHoldError extends DStreamError {
  override readonly name = 'LateHoldError';
  readonly code = 'LATE_HOLD';
  constructor(readonly time: number) {
    super(
      `the batch of time ${time} is complete, so it cannot be held any more: an asynchronous operator that takes no ` +
        'hold (delay, observeOn, concatMap) stands before this one; concatMapBatch holds',
    );
  }
}

/** An output was unsubscribed before its effect settled, while other subscribers keep the stream alive. */
export class AbandonedBatchError extends DStreamError {
  override readonly name = 'AbandonedBatchError';
  readonly code = 'ABANDONED_BATCH';
  constructor(readonly time: number) {
    super(`an output of the batch of time ${time} was unsubscribed before its effect settled`);
  }
}

/** A stateful operator has no `id` although a checkpoint is configured. */
export class MissingIdError extends DStreamError {
  override readonly name = 'MissingIdError';
  readonly code = 'MISSING_ID';
  constructor(readonly operator: string) {
    super(`${operator}: id is missing: with a checkpoint every operator that keeps state needs an id of its own`);
  }
}

/** Two stateful operators of one stream have the same `id`. */
export class DuplicateIdError extends DStreamError {
  override readonly name = 'DuplicateIdError';
  readonly code = 'DUPLICATE_ID';
  constructor(
    readonly operator: string,
    readonly id: string,
    readonly otherOperator: string,
  ) {
    super(
      `${operator}: id (${describe(id)}) is taken by another operator of the stream (${otherOperator}): ids must be unique`,
    );
  }
}

/** A topic is not there, or none matches the pattern. */
export class UnknownTopicError extends DStreamError {
  override readonly name = 'UnknownTopicError';
  readonly code = 'UNKNOWN_TOPIC';
  constructor(
    readonly topic: string,
    options?: ErrorOptions,
  ) {
    super(`topics: topic ${describe(topic)} does not exist`, options);
  }
}

/** Offsets to be read are gone (retention) or not there yet (topic made anew). */
export class OffsetOutOfRangeError extends DStreamError {
  override readonly name = 'OffsetOutOfRangeError';
  readonly code = 'OFFSET_OUT_OF_RANGE';
  constructor(
    /** What should have been read and cannot be. */
    readonly lost: OffsetRange,
    readonly earliest: number,
    readonly latest: number,
  ) {
    super(
      `${lost.topic}/${lost.partition}: offsets [${lost.from}, ${lost.until}) are not in the log, which holds ` +
        `[${earliest}, ${latest}): set offsetOutOfRange to "earliest" or "latest" to go on there`,
    );
  }
}

/** An offset cannot be told exactly as a number. */
export class OffsetTooLargeError extends DStreamError {
  override readonly name = 'OffsetTooLargeError';
  readonly code = 'OFFSET_TOO_LARGE';
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: string,
  ) {
    super(`${topic}/${partition}: offset ${offset} is beyond ${Number.MAX_SAFE_INTEGER}`);
  }
}

/** Bytes of a log are not a valid record batch or record. */
export class MalformedRecordError extends DStreamError {
  override readonly name = 'MalformedRecordError';
  readonly code = 'MALFORMED_RECORD';
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${topic}/${partition}: the record at offset ${offset} is malformed: ${reason}`, options);
  }
}

/** The user's `deserialize` threw. */
export class DeserializationError extends DStreamError {
  override readonly name = 'DeserializationError';
  readonly code = 'DESERIALIZATION';
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    options?: ErrorOptions,
  ) {
    super(
      `${topic}/${partition}: the record at offset ${offset} cannot be deserialized: ${reasonOf(options)}`,
      options,
    );
  }
}

/** Records are compressed by a codec that is not installed. */
export class UnsupportedCodecError extends DStreamError {
  override readonly name = 'UnsupportedCodecError';
  readonly code = 'UNSUPPORTED_CODEC';
  constructor(
    readonly codec: string,
    readonly packageName: string,
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
  ) {
    super(
      `${topic}/${partition}: records at offset ${offset} are compressed with ${codec}: install ${packageName} and ` +
        'register it in CompressionCodecs of kafkajs',
    );
  }
}

/** The client lacks something that the source stands on. */
export class UnsupportedClientError extends DStreamError {
  override readonly name = 'UnsupportedClientError';
  readonly code = 'UNSUPPORTED_CLIENT';
  constructor(
    readonly client: string,
    readonly missing: string,
    options?: ErrorOptions,
  ) {
    super(`${client}: ${missing}`, options);
  }
}

/** No broker could be reached, or the connection was lost and did not come back within the retries. */
export class ConnectionError extends DStreamError {
  override readonly name = 'ConnectionError';
  readonly code = 'CONNECTION';
  override readonly retriable = true;
  constructor(
    readonly brokers: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`${named(brokers)} cannot be reached: ${reasonOf(options)}`, options);
  }
}

/** The broker refused the credentials. */
export class AuthenticationError extends DStreamError {
  override readonly name = 'AuthenticationError';
  readonly code = 'AUTHENTICATION';
  constructor(
    readonly brokers: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`sasl: ${named(brokers)} refused the credentials: ${reasonOf(options)}`, options);
  }
}

/** The credentials are good but do not allow what was asked. */
export class AuthorizationError extends DStreamError {
  override readonly name = 'AuthorizationError';
  readonly code = 'AUTHORIZATION';
  constructor(
    readonly resource: string,
    options?: ErrorOptions,
  ) {
    super(`the user is not allowed to use ${resource}: ${reasonOf(options)}`, options);
  }
}

/** Something did not happen within its time limit. */
export class TimedOutError extends DStreamError {
  override readonly name = 'TimedOutError';
  readonly code = 'TIMED_OUT';
  override readonly retriable = true;
  constructor(
    readonly what: string,
    readonly limit: number,
    options?: ErrorOptions,
  ) {
    super(`${what} took longer than ${limit} ms`, options);
  }
}

/** The broker answered with an error that is none of the above. */
export class ProtocolError extends DStreamError {
  override readonly name = 'ProtocolError';
  readonly code = 'PROTOCOL';
  constructor(
    readonly request: string,
    /** Kafka's name for the error, such as `NOT_LEADER_OR_FOLLOWER`. */
    readonly kafkaError: string,
    override readonly retriable: boolean,
    options?: ErrorOptions,
  ) {
    super(`${request} failed: ${kafkaError}`, options);
  }
}

/** A bounded queue is full and its policy is to fail. */
export class QueueOverflowError extends DStreamError {
  override readonly name = 'QueueOverflowError';
  readonly code = 'QUEUE_OVERFLOW';
  constructor(
    readonly owner: string,
    readonly bound: number,
  ) {
    super(`${owner}: more than ${bound} records wait: raise the bound, or choose a policy that drops`);
  }
}

/** The state in the checkpoint does not fit the operator that asks for it. */
export class IncompatibleStateError extends DStreamError {
  override readonly name = 'IncompatibleStateError';
  readonly code = 'INCOMPATIBLE_STATE';
  constructor(
    readonly id: string,
    readonly saved: string,
    readonly wanted: string,
    rule: string,
  ) {
    super(`state ${describe(id)}: the checkpoint has ${saved}, the operator wants ${wanted}: ${rule}`);
  }
}

/** A checkpoint cannot be opened or saved. */
export class CheckpointError extends DStreamError {
  override readonly name = 'CheckpointError';
  readonly code = 'CHECKPOINT';
  override readonly retriable = true;
  constructor(
    readonly location: string,
    readonly action: string,
    options?: ErrorOptions,
  ) {
    super(`checkpoint ${location}: cannot ${action}: ${reasonOf(options)}`, options);
  }
}

/** A file of a checkpoint is damaged, missing, or of an unknown version. */
export class CorruptCheckpointError extends DStreamError {
  override readonly name = 'CorruptCheckpointError';
  readonly code = 'CORRUPT_CHECKPOINT';
  constructor(
    readonly file: string,
    readonly offset: number,
    readonly reason: string,
  ) {
    super(`checkpoint ${file}: damaged at byte ${offset}: ${reason}`);
  }
}

/** A disk refused to store: it is full, read-only, or gone. */
export class StorageError extends DStreamError {
  override readonly name = 'StorageError';
  readonly code = 'STORAGE';
  override readonly retriable = true;
  readonly location: string;
  readonly action: string;
  constructor(location: string, action: string, options?: ErrorOptions) {
    super(`${location}: cannot ${action}: ${reasonOf(options)}`, options);
    this.location = location;
    this.action = action;
  }
}

/** A diagram of the test kit cannot be read. */
export class MarbleSyntaxError extends DStreamError {
  override readonly name = 'MarbleSyntaxError';
  readonly code = 'MARBLE_SYNTAX';
  constructor(
    readonly diagram: string,
    readonly position: number,
    readonly rule: string,
  ) {
    super(`batch marbles ${describe(diagram)}: at ${position}: ${rule}`);
  }
}

/** kafkajs does not always say which broker it was. */
function named(brokers: readonly string[]): string {
  return brokers.length === 0 ? 'the broker' : `brokers (${brokers.join(', ')})`;
}

function reasonOf(options: ErrorOptions | undefined): string {
  const cause = options?.cause;
  return cause instanceof Error ? cause.message : cause === undefined ? 'no reason given' : String(cause);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value) + (typeof value === 'bigint' ? 'n' : '');
  try {
    const text = JSON.stringify(value);
    return text.length > 100 ? `${text.slice(0, 97)}...` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
