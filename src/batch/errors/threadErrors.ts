import { DStreamError } from './dstreamError.js';
import { describe, reasonOf } from './wording.js';

// What can go wrong in a worker thread.

/** A partition that was worked on in a thread. */
export interface ThreadPartition {
  /** The operator. */
  readonly operator: string;
  /** The operator's `id`, where it has one. */
  readonly id?: string | undefined;
  /** The index of the partition in its batch. */
  readonly partition: number;
  /** The batch time, in ms. */
  readonly time: number;
}

/** The words for a partition in messages. */
export function partitionInWords({ operator, id, partition, time }: ThreadPartition): string {
  return `${id === undefined ? operator : `${operator} "${id}"`} on partition ${partition} of batch ${time}`;
}

/** The function that works on partitions in threads failed. The cause is what it threw there: an error with the same name, message and stack. */
export class PartitionFailedError extends DStreamError {
  override readonly name = 'PartitionFailedError';
  readonly code = 'PARTITION_FAILED';
  override readonly retriable: boolean;
  /** The operator. */
  readonly operator: string;
  /** The operator's `id`, where it has one. */
  readonly id: string | undefined;
  /** The index of the partition in its batch. */
  readonly partition: number;
  /** The batch time, in ms. */
  readonly time: number;
  constructor(at: ThreadPartition, options: ErrorOptions) {
    super(`${partitionInWords(at)}: ${reasonOf(options)}`, options);
    const { retriable } = (options.cause ?? {}) as { readonly retriable?: unknown };
    this.retriable = retriable !== false;
    this.operator = at.operator;
    this.id = at.id;
    this.partition = at.partition;
    this.time = at.time;
  }
}

/** A thread ended by itself, as by `process.exit`, an exception that nobody caught, or for lack of memory; the cause is that. */
export class ThreadExitedError extends DStreamError {
  override readonly name = 'ThreadExitedError';
  readonly code = 'THREAD_EXITED';
  override readonly retriable = true;
  constructor(
    /** What it worked on. */
    readonly what: string,
    /** How often it has ended at that. */
    readonly times: number,
    /** The exit code of the thread. */
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    const reason = options?.cause === undefined ? `exit code ${exitCode}` : reasonOf(options);
    super(`${what}: the thread has ended by itself, ${times === 1 ? 'once' : `${times} times`}: ${reason}`, options);
  }
}

/** Where a record is that cannot be sent to or from a thread. */
export interface RecordPlace {
  /** The index of its partition in the batch. */
  readonly index: number;
  /** Topic of the record, where it is known. */
  readonly topic?: string | undefined;
  /** Partition of the topic, where it is known. */
  readonly partition?: number | undefined;
  /** Offset of the record, where it is known. */
  readonly offset?: number | undefined;
}

/** A record cannot be sent to a thread, or what the function returns for it cannot be sent back: it contains a function, a symbol or similar. */
export class UncloneableRecordError extends DStreamError {
  override readonly name = 'UncloneableRecordError';
  readonly code = 'UNCLONEABLE_RECORD';
  /** The topic of the record; absent for a result, and where records of several partitions were mixed. */
  readonly topic: string | undefined;
  /** The partition of the topic; absent where the topic is. */
  readonly partition: number | undefined;
  /** The offset of the record; absent where operators before this one have made other records. */
  readonly offset: number | undefined;
  constructor(
    /** The operator that sends it. */
    readonly operator: string,
    /** The record; for a result, what it looks like. */
    readonly record: unknown,
    { index, topic, partition, offset }: RecordPlace,
    options?: ErrorOptions,
  ) {
    const of = topic === undefined ? `partition ${index} of the batch` : `partition ${partition} of topic ${topic}`;
    const at = offset === undefined ? of : `offset ${offset} of ${of}`;
    super(
      `${operator}: record ${describe(record)} at ${at} cannot be copied between threads: ${reasonOf(options)}`,
      options,
    );
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
  }
}
