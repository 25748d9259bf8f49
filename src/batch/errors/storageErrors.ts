import { DStreamError } from './dstreamError.js';
import { describe, reasonOf } from './wording.js';

// What can go wrong with saved state.

/** The state in the checkpoint does not fit the operator that asks for it. */
export class IncompatibleStateError extends DStreamError {
  override readonly name = 'IncompatibleStateError';
  readonly code = 'INCOMPATIBLE_STATE';
  constructor(
    /** The `id` of the state. */
    readonly id: string,
    /** What the checkpoint contains. */
    readonly saved: string,
    /** What the operator expects. */
    readonly wanted: string,
    rule: string,
  ) {
    super(`state ${describe(id)}: the checkpoint has ${saved}, the operator wants ${wanted}: ${rule}`);
  }
}

/** A state would not come back from the checkpoint as it is, and is not saved. */
export class InvalidStateError extends DStreamError {
  override readonly name = 'InvalidStateError';
  readonly code = 'INVALID_STATE';
  constructor(
    /** The operator that keeps the state. */
    readonly operator: string,
    /** The user's name for the state; `undefined` where it has none. */
    readonly id: string | undefined,
    /** The key whose state it is. */
    readonly key: unknown,
    /** What is wrong with the state. */
    readonly rule: string,
    options?: ErrorOptions,
  ) {
    const state = id === undefined ? 'the state' : `state ${describe(id)}`;
    super(`${operator}: ${state} of key ${describe(key)} cannot be saved: ${rule}`, options);
  }
}

/**
 * An operator was unsubscribed while the stream that it belongs to continued, and now asks for its state again: the
 * changes that it made are lost, so the state cannot be used. A `retry()` restarts the stream from its checkpoint.
 */
export class StateClosedError extends DStreamError {
  override readonly name = 'StateClosedError';
  readonly code = 'STATE_CLOSED';
  override readonly retriable = true;
  constructor(
    /** The operator that kept the state. */
    readonly operator: string,
    /** The `id` of the state. */
    readonly id: string,
  ) {
    super(
      `${operator}: the state ${describe(id)} was closed when its operator was unsubscribed, while the stream continued: ` +
        'end the whole stream and start it again from its checkpoint, as retry() does',
    );
  }
}

/** A checkpoint, or a write-ahead log, cannot be opened or saved. */
export class CheckpointError extends DStreamError {
  override readonly name = 'CheckpointError';
  readonly code = 'CHECKPOINT';
  override readonly retriable = true;
  constructor(
    /** The checkpoint, such as a directory or a job. */
    readonly location: string,
    /** What failed. */
    readonly action: string,
    options?: ErrorOptions,
  ) {
    super(`checkpoint ${location}: cannot ${action}: ${reasonOf(options)}`, options);
  }
}

/**
 * A file of a checkpoint, or of a write-ahead log, is damaged, missing, of an unknown version, or not written with the
 * `integrityKey` that is set.
 */
export class CorruptCheckpointError extends DStreamError {
  override readonly name = 'CorruptCheckpointError';
  readonly code = 'CORRUPT_CHECKPOINT';
  constructor(
    /** The damaged file or entry. */
    readonly file: string,
    /** Where in the file, in bytes. */
    readonly offset: number,
    /** What is wrong. */
    readonly reason: string,
    /** How to read the rest; `undefined` where nothing can be read. */
    readonly help?: string,
  ) {
    super(`${file}: damaged at byte ${offset}: ${reason}${help === undefined ? '' : `; ${help}`}`);
  }
}

/** A disk refused to store: it is full, read-only, or gone. */
export class StorageError extends DStreamError {
  override readonly name = 'StorageError';
  readonly code = 'STORAGE';
  override readonly retriable = true;
  /** The file or directory. */
  readonly location: string;
  /** What failed. */
  readonly action: string;
  constructor(location: string, action: string, options?: ErrorOptions) {
    super(`${location}: cannot ${action}: ${reasonOf(options)}`, options);
    this.location = location;
    this.action = action;
  }
}

/**
 * Another process has taken the work over: it opened the same checkpoint or write-ahead log, or began a new epoch of
 * the same job. This one writes nothing more.
 */
export class FencedError extends DStreamError {
  override readonly name = 'FencedError';
  readonly code = 'FENCED';
  constructor(
    /** The checkpoint, such as a directory or a job. */
    readonly location: string,
    /** What else it may be. Default: nothing. */
    readonly otherwise?: string,
  ) {
    super(
      `${location}: another process has taken over, or another subscription of the stream: share() it, to subscribe to it ` +
        `more than once${otherwise === undefined ? '' : `; or ${otherwise}`}`,
    );
  }
}
