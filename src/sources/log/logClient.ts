import type { ObservableInput } from 'rxjs';
import type { DStreamError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { SourceClient } from '../../batch/monitoring/streamSnapshot.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { UnavailablePartition } from '../../batch/unavailablePartition.js';
import type { RecordReader } from './recordReader.js';

/** A position in a log: one of its ends, or the first record at or after a timestamp (ms since the epoch). */
export type LogPoint = 'earliest' | 'latest' | { readonly timestamp: number };

/** An offset that a log was asked for. */
export interface LogOffset extends TopicPartitionOffset {
  /**
   * For `'latest'`: the end of everything written, where some of it may not be read yet (an open transaction, when only committed records
   * are read). Absent: the same as `offset`.
   */
  readonly highWatermark?: number;
}

/** A partition that a log has. */
export interface LogPartition extends TopicPartition {
  /** The id of its topic, in logs that have ids: a topic that was deleted and created again has another. */
  readonly topicId?: string;
}

/**
 * One partition of a fetch: reads from `offset`. Where `topicId` and `leaderEpoch` are given, and the log knows the like, it answers with
 * an `OffsetOutOfRangeError` of the reason `'recreated'` or `'diverged'` when it is another log than the one that they identify.
 */
export interface FetchRequest extends TopicPartitionOffset {
  /** Bound on the bytes of the response; one record batch is always returned. */
  readonly maxBytes: number;
  /**
   * Whether no batch waits for this partition: then it is left unanswered, however long it cannot be read.
   * @default false
   */
  readonly optional?: boolean;
}

/** Bounds of one fetch, and what may end it early. */
export interface FetchOptions {
  /** How long a log may wait for new records when it has none, in ms. */
  readonly maxWait: number;
  /** Bound over all partitions of the fetch. */
  readonly maxBytes: number;
  /** Ends the fetch early, with what has arrived, when it is aborted. Default: `maxWait` ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Called with how long a broker asks to be left alone because a quota is used up, in ms, if it does. Default: no call. */
  readonly throttled?: ((duration: number) => void) | undefined;
}

/** How offsets are asked for. */
export interface OffsetsOptions {
  /**
   * Whether partitions that are unavailable are left out, as long as there are others. Otherwise they are waited for, and are an error in
   * the end.
   * @default false
   */
  readonly partial?: boolean | undefined;
}

/** The response for one partition. */
export interface FetchedPartition extends TopicPartition {
  /** The offset that was requested. */
  readonly offset: number;
  /** The end of what may be read (the last stable offset when only committed records are read). */
  readonly latest: number;
  /** The end of everything written, as `LogOffset` has it. Default: the same as `latest`. */
  readonly highWatermark?: number | undefined;
  /** The first offset that is still in the log. */
  readonly earliest: number;
  /** Bytes received for this partition. */
  readonly bytes: number;
  /** The id of the topic that answered, where it is known; with an error of the reason `'recreated'` that of the present topic. */
  readonly topicId?: string | undefined;
  /** The epoch of the leader that answered, where it is known: of a log that was compared with the request. */
  readonly leaderEpoch?: number | undefined;
  /** The records; absent with an error or when there is no record. */
  readonly records?: RecordReader | undefined;
  /** An error of this partition alone; other partitions of the fetch may be fine. */
  readonly error?: DStreamError | undefined;
}

/**
 * The client port: what a log source needs of a partitioned, replayable log. Both Kafka through kafkajs and the log in memory
 * implement it, so that the same source runs in a test, in a browser and against a cluster.
 *
 * Every method returns an `ObservableInput`: promises for a real log, synchronous or in virtual time for one in memory; the last
 * value counts. Each settles within the client's own time-outs and retries, and fails only with a `DStreamError`. Clients
 * decide nothing: the source chooses which ranges to read, how many bytes, and when to commit.
 *
 * @see {@link memoryLog} for one in memory
 * @see {@link logBatches} for a stream over a client
 */
export interface LogClient {
  /** Names the client in messages, such as `kafka`. */
  readonly name: string;
  /**
   * Whether `fetch` waits for records for `maxWait` where the log has no more, and answers as soon as one comes, with the ends of the
   * partitions as they are then. A source then has a fetch under way while an interval runs, and asks for no offsets at its tick. Asked for at
   * each tick, as it may depend on the brokers. Default: `fetch` need not wait, and offsets are asked for at each tick.
   */
  readonly longPolls?: boolean;
  /** Called once, before anything else. */
  connect(): ObservableInput<unknown>;
  /**
   * The partitions of the topics, in order of topic and number. A pattern selects every topic that matches now.
   *
   * @throws {UnknownTopicError} when a topic named by a string does not exist
   */
  partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly LogPartition[]>;
  /**
   * The offsets of a point; the latest offset for a partition without a record at or after a timestamp. A log that identifies its topics
   * and leaders adds the present `topicId` and, for `'latest'`, the `leaderEpoch` of the present leader.
   */
  offsets(
    partitions: readonly TopicPartition[],
    point: LogPoint,
    options?: OffsetsOptions,
  ): ObservableInput<readonly LogOffset[]>;
  /**
   * What the group has committed; a partition without a committed offset is left out. With `stable` it waits for open transactions
   * that are about to change the offsets.
   */
  committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    options?: { readonly stable?: boolean },
  ): ObservableInput<readonly TopicPartitionOffset[]>;
  /**
   * Commits offsets under a group: a restart continues there. `member` says for which member of the group: it is asked at each attempt, and
   * the commit fails once it returns `undefined`, since the partitions are another member's then. Default: for a client that is no member.
   */
  commit(
    groupId: string,
    positions: readonly TopicPartitionOffset[],
    member?: () => GroupMembership | undefined,
  ): ObservableInput<unknown>;
  /**
   * Reads from the given offsets: one request to each broker concerned, all in parallel. May emit several times, once
   * for each broker's response as it arrives. Partitions are returned in any order, and one may be returned without records. A
   * broker exceeds `maxBytes` by at most one record batch, when it would have nothing to return otherwise.
   */
  fetch(requests: readonly FetchRequest[], options: FetchOptions): ObservableInput<readonly FetchedPartition[]>;
  /**
   * Compares positions with the log, by their leader epochs; those without one are left out. Returns those whose log was cut before the
   * position and written again, each with the first offset that differs. With `partial` those that cannot be compared now are left out, and
   * their partitions are `unavailable`. Without this method a log that diverged is not noticed.
   *
   * Source: Kafka's OffsetForLeaderEpoch (KIP-320).
   */
  diverged?(
    positions: readonly TopicPartitionOffset[],
    options?: OffsetsOptions,
  ): ObservableInput<readonly TopicPartitionOffset[]>;
  /**
   * The broker that leads a partition, as of the last metadata. A source has one request per broker in flight. Without this method
   * one broker leads all partitions.
   */
  broker?(partition: TopicPartition): string | undefined;
  /** The address of a broker that `broker` has named, as of the last metadata, for monitors. */
  address?(broker: string): { readonly host: string; readonly port: number } | undefined;
  /** What monitors show of the client, once it is connected. */
  describe?(): Omit<SourceClient, 'groupId'>;
  /**
   * The partitions that `offsets` and `diverged` leave out now if they may, because their broker cannot be reached or they have no leader. A source
   * plans no records for them, and goes on with the others. Without this method all partitions are always available.
   */
  unavailable?(): readonly Omit<UnavailablePartition, 'since'>[];
  /** Called once, whatever happened; nothing is called afterwards. */
  close(): ObservableInput<unknown>;
}
