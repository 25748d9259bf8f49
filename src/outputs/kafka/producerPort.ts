import type { GroupMembership } from '../../batch/groupMembership.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';

/** A record to write. */
export interface ProducerMessage {
  /** Decides the partition, where `partition` is not set. Default: none. */
  readonly key?: Buffer | string | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | string | null;
  /** Partition number to write to. Default: chosen by the key, else in turn. */
  readonly partition?: number;
  /** Header values by name; a list is a header that repeats. Default: none. */
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  /** Milliseconds since the epoch, as text. Default: now. */
  readonly timestamp?: string;
}

/** The records of a request are together larger than the broker accepts, none of them alone. */
export class RequestTooLargeError extends Error {
  /** `limit`: what the topic allows for a record batch, in bytes; `undefined` where that is unknown. */
  constructor(readonly limit: number | undefined) {
    super('the records are too large together');
  }
}

/** An offset with the text that is committed beside it. */
export interface OffsetWithMetadata extends TopicPartitionOffset {
  readonly metadata: string;
}

/**
 * A producer with a transactional id of its own, with one transaction at a time. A process that takes the id over fences it: then
 * every method fails with a `FencedError`. One that is called fenced, but not by another process, fails with an error that is retriable. All other failures are a `DStreamError` too.
 */
export interface ProducerPort {
  /**
   * Begins a transaction, unless one is open. The first call takes the transactional id: it ends the transaction of the former
   * owner and fences it, so that nobody else commits under this id once it has settled.
   */
  begin(): Promise<void>;
  /**
   * Adds records of one topic to the transaction.
   *
   * @throws {RequestTooLargeError} when the records of a partition are too large together
   * @throws {RecordTooLargeError} when one of them is
   */
  send(topic: string, messages: readonly ProducerMessage[]): Promise<void>;
  /**
   * Adds the offsets of a consumer group to the transaction. `member` says which member of the group does so: it is asked at each attempt,
   * and nothing is added once it returns `undefined`, or the group has removed the member. Default: for a client that is no member.
   *
   * @throws {ProtocolError} `UNKNOWN_MEMBER_ID` or `ILLEGAL_GENERATION` when the group has removed the member
   */
  sendOffsets(
    groupId: string,
    offsets: readonly OffsetWithMetadata[],
    member?: () => GroupMembership | undefined,
  ): Promise<void>;
  commit(): Promise<void>;
  /** Aborts the open transaction, if any. Never fails: the broker aborts it after its timeout. */
  abort(): Promise<void>;
  /** Aborts the open transaction and disconnects, within seconds. Never fails. */
  close(): Promise<void>;
}

/** What the output needs of a Kafka client. */
export interface TransactionsPort {
  producer(transactionalId: string): ProducerPort;
  /** The id of the cluster, once a producer has begun. */
  clusterId?(): string | undefined;
  /**
   * The committed offsets of a group that no open transaction is about to change. A partition without a committed offset is left
   * out.
   */
  stableOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly OffsetWithMetadata[]>;
  /**
   * Waits a moment for `writing`, ends whatever is under way, aborts open transactions, and closes all connections, those of its producers
   * too. Never fails, and takes no longer than seconds.
   */
  close(writing: Promise<unknown>): Promise<void>;
}
