import type { Key } from '../key.js';
import { DStreamError } from './dstreamError.js';
import { describe, reasonOf } from './wording.js';

// What a program that puts operators together can do wrong.

/** An option has a value that its rule does not allow, or there is no option of that name: then the rule suggests the nearest one. */
export class InvalidOptionError extends DStreamError {
  override readonly name = 'InvalidOptionError';
  readonly code = 'INVALID_OPTION';
  constructor(
    /** The operator or source that takes the option. */
    readonly owner: string,
    /** The name of the option. */
    readonly option: string,
    /** Its value. */
    readonly value: unknown,
    /** What the value must be. */
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
    /** The operator that received the record. */
    readonly operator: string,
    /** The record. */
    readonly record: unknown,
    /** What is wrong with it. */
    readonly rule: string,
  ) {
    super(`${operator}: record ${describe(record)} ${rule}`);
  }
}

/**
 * A batch of a source with durable progress was dispatched, and nobody took a hold: either there is no output
 * operation, or a foreign asynchronous operator (`delay`, `observeOn`, `concatMap`) comes before it, or one of the
 * sources of a driver has no subscriber (left). Saving progress now could lose the batch.
 */
export class UnclaimedBatchError extends DStreamError {
  override readonly name = 'UnclaimedBatchError';
  readonly code = 'UNCLAIMED_BATCH';
  constructor(
    /** The batch time, in ms. */
    readonly time: number,
    /** The source to which nobody listens, or not any more, where others of its driver are listened to. */
    readonly source?: string,
  ) {
    super(
      source !== undefined
        ? `nobody listens to source ${describe(source)} at the batch of time ${time}: subscribe to it as long as to the ` +
            'others, or set unclaimed to "complete"'
        : `the batch of time ${time} was dispatched and no operation claimed it: end the pipeline with an output operation ` +
            '(foreachBatch), use concatMapBatch for asynchronous work and filterBatches to leave out batches before it, or set ' +
            'unclaimed to "complete"',
    );
  }
}

/**
 * In a job that is divided into tasks, an operator by key met a key whose records are in several tasks, so that each task would have a
 * part of its result. It is so for a key that is not that of the records in the topic, as after `mapRecords`.
 */
export class ForeignKeyError extends DStreamError {
  override readonly name = 'ForeignKeyError';
  readonly code = 'FOREIGN_KEY';
  constructor(
    /** The operator that met the key. */
    readonly operator: string,
    /** The key. */
    readonly key: Key,
    /** The task that met it: its partition number. */
    readonly task: number,
    /** The partition number that belongs to the key. */
    readonly partition: number,
  ) {
    super(
      `${operator}: key ${describe(key)} belongs to partition ${partition} and not to this task, ${task}, so other tasks have records ` +
        'with this key too: use the key of the records in the topic, or write the records to a topic under the new key and read that; ' +
        "if the topic is keyed by other bytes than the text of the key, set partitioner, or keys: 'unchecked'",
    );
  }
}

/** The state of a task belongs to another number of partitions: keys are in other partitions now. */
export class PartitionsChangedError extends DStreamError {
  override readonly name = 'PartitionsChangedError';
  readonly code = 'PARTITIONS_CHANGED';
  constructor(
    /** Where the state of the task is. */
    readonly location: string,
    /** The number of partitions when it was saved. */
    readonly saved: number,
    /** The number of partitions now. */
    readonly partitions: number,
  ) {
    super(
      `${location}: the state was saved for ${saved} partitions and there are ${partitions} now, so keys have moved to other ` +
        'partitions: divide the states with splitCheckpoint, or begin with empty checkpoints',
    );
  }
}

/** A task was subscribed to while another subscription of it works. */
export class SubscribedTaskError extends DStreamError {
  override readonly name = 'SubscribedTaskError';
  readonly code = 'SUBSCRIBED_TASK';
  constructor(
    /** The id of the task. */
    readonly task: string,
  ) {
    super(`task "${task}" is subscribed to already, and works once: share() it, to subscribe to it more than once`);
  }
}

/** A hold was asked of a batch that is complete: its progress may be saved already. */
export class LateHoldError extends DStreamError {
  override readonly name = 'LateHoldError';
  readonly code = 'LATE_HOLD';
  constructor(
    /** The batch time, in ms. */
    readonly time: number,
  ) {
    super(
      `the batch of time ${time} is complete, so it cannot be held any more: an asynchronous operator that takes no ` +
        'hold (delay, observeOn, concatMap) comes before this one; concatMapBatch holds',
    );
  }
}

/** An output was unsubscribed before its effect settled, while other subscribers keep the stream alive. */
export class AbandonedBatchError extends DStreamError {
  override readonly name = 'AbandonedBatchError';
  readonly code = 'ABANDONED_BATCH';
  constructor(
    /** The batch time, in ms. */
    readonly time: number,
  ) {
    super(`an output of the batch of time ${time} was unsubscribed before its effect settled`);
  }
}

/** A batch was given up because each start of it had ended the process. */
export class ProcessEndedError extends DStreamError {
  override readonly name = 'ProcessEndedError';
  readonly code = 'PROCESS_ENDED';
  constructor(
    /** The batch time, in ms. */
    readonly time: number,
    /** How often it was started again, as the checkpoint has counted. */
    readonly attempts: number,
  ) {
    super(`the batch of time ${time} was given up: the process has ended at its first start and at ${attempts} more`);
  }
}

/** Streams of different drivers are to be joined: each ticks on its own, so their batches have no time in common. */
export class ForeignStreamError extends DStreamError {
  override readonly name = 'ForeignStreamError';
  readonly code = 'FOREIGN_STREAM';
  constructor(
    /** The operator that was to join the streams. */
    readonly operator: string,
  ) {
    super(
      `${operator}: the streams are of different drivers: take all their sources together in batchesFrom, or share() a ` +
        'stream that is used twice',
    );
  }
}

/**
 * A batch arrived at an operator over several streams after its time had passed there. Either an asynchronous operator
 * that takes no hold comes before it, or RxJS's `merge` combined batches of several streams.
 */
export class LateBatchError extends DStreamError {
  override readonly name = 'LateBatchError';
  readonly code = 'LATE_BATCH';
  constructor(
    /** The operator at which the batch arrived. */
    readonly operator: string,
    /** The batch time, in ms. */
    readonly time: number,
  ) {
    super(
      `${operator}: a batch of time ${time} arrived after that time had passed: use concatMapBatch for asynchronous work, ` +
        'and unionBatches instead of merge',
    );
  }
}

/**
 * An operator by event time receives records that have none: there is no `eventTime` before it, or an operator between the two has made
 * other records.
 */
export class MissingEventTimeError extends DStreamError {
  override readonly name = 'MissingEventTimeError';
  readonly code = 'MISSING_EVENT_TIME';
  constructor(
    /** The operator that needs event times. */
    readonly operator: string,
  ) {
    super(
      `${operator}: the records have no event time: put eventTime before it, behind any operator that makes other records ` +
        '(transformBatch, mapPartitions, reduceByKey)',
    );
  }
}

/** A stateful operator has no `id` although a checkpoint is configured. */
export class MissingIdError extends DStreamError {
  override readonly name = 'MissingIdError';
  readonly code = 'MISSING_ID';
  constructor(
    /** The operator that has no `id`. */
    readonly operator: string,
  ) {
    super(`${operator}: id is missing: with a checkpoint every operator that keeps state needs an id of its own`);
  }
}

/** Two stateful operators of one stream have the same `id`. */
export class DuplicateIdError extends DStreamError {
  override readonly name = 'DuplicateIdError';
  readonly code = 'DUPLICATE_ID';
  constructor(
    /** The operator whose id is taken. */
    readonly operator: string,
    /** The id. */
    readonly id: string,
    /** The operator that has the id already. */
    readonly otherOperator: string,
  ) {
    super(
      `${operator}: id (${describe(id)}) is taken by another operator of the stream (${otherOperator}): ids must be unique`,
    );
  }
}

/** A bounded queue is full and its policy is to fail. */
export class QueueOverflowError extends DStreamError {
  override readonly name = 'QueueOverflowError';
  readonly code = 'QUEUE_OVERFLOW';
  constructor(
    /** The operator or source with the queue. */
    readonly owner: string,
    /** Number of records, or of bytes, that may wait. */
    readonly bound: number,
    /** What the bound counts. */
    readonly unit: 'records' | 'bytes' = 'records',
  ) {
    const much = unit === 'records' ? `${bound} records` : `${bound} bytes of records`;
    super(`${owner}: more than ${much} wait: raise the bound, or choose a policy that drops`);
  }
}

/** More records failed within a minute than `maxErrors` of the stream allows. The cause is the error of the last one. */
export class TooManyErrorsError extends DStreamError {
  override readonly name = 'TooManyErrorsError';
  readonly code = 'TOO_MANY_ERRORS';
  constructor(
    /** The operator whose function failed last. */
    readonly operator: string,
    /** The number of records that may fail within a minute. */
    readonly maxErrors: number,
    options?: ErrorOptions,
  ) {
    super(
      `${operator}: more than ${maxErrors} records failed within a minute (maxErrors): ${reasonOf(options)}`,
      options,
    );
  }
}

/** A diagram of the test kit cannot be read. */
export class MarbleSyntaxError extends DStreamError {
  override readonly name = 'MarbleSyntaxError';
  readonly code = 'MARBLE_SYNTAX';
  constructor(
    /** The diagram. */
    readonly diagram: string,
    /** Where it cannot be read: a virtual time, in ms. */
    readonly position: number,
    /** What is wrong. */
    readonly rule: string,
  ) {
    super(`batch marbles ${describe(diagram)}: at ${position}: ${rule}`);
  }
}

/** The diagram of a test and what came differ. The message shows both, aligned, and the first difference. */
export class MarbleMismatchError extends DStreamError {
  override readonly name = 'MarbleMismatchError';
  readonly code = 'MARBLE_MISMATCH';
  constructor(
    /** The first difference. */
    readonly difference: string,
    /** The frame (virtual ms) of the first difference. */
    readonly frame: number,
    /** The expected diagram; of subscriptions, one line each. */
    readonly expected: string,
    /** What came, as a diagram. */
    readonly actual: string,
    lines: readonly string[],
  ) {
    super([difference, ...lines].join('\n'));
  }
}
