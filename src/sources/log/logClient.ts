import type { ObservableInput } from 'rxjs';
import type { DStreamError } from '../../batch/errors.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { RecordReader } from './recordReader.js';

/** Where to start: the ends of the log, or the first record at or after a timestamp (ms since the epoch). */
export type LogPoint = 'earliest' | 'latest' | { readonly timestamp: number };

/** One partition of a fetch: read from `offset`, at most `maxBytes` (obeyed down to one record batch). */
export interface FetchRequest extends TopicPartitionOffset {
  readonly maxBytes: number;
}

export interface FetchOptions {
  /** How long a log may wait for new records when it has none, in ms. */
  readonly maxWait: number;
  /** Bound over all partitions of the fetch. */
  readonly maxBytes: number;
  /** Settles early, with whatever came, when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer for one partition. */
export interface FetchedPartition extends TopicPartition {
  /** The offset that was asked for. */
  readonly offset: number;
  /** The end of what may be read (the last stable offset when only committed records are read). */
  readonly latest: number;
  /** The first offset that the log still has. */
  readonly earliest: number;
  /** Bytes received for this partition. */
  readonly bytes: number;
  /** The records; absent with an error or when there were none. */
  readonly records?: RecordReader | undefined;
  /** What went wrong with this partition alone; other partitions of the fetch may be fine. */
  readonly error?: DStreamError | undefined;
}

/**
 * The client port: what a log source needs of a partitioned, replayable log. Kafka through kafkajs stands behind it,
 * and the in-memory log too, so that the same source code runs in a test, in a browser and against a cluster.
 *
 * Everything is an `ObservableInput`: promises for a real log, synchronous or virtual time for one in memory; the last
 * value counts. Each settles within the client's own time-outs and retries, and fails only with a `DStreamError`. Clients
 * bring no arithmetic of their own: which ranges to read, how many bytes and when to commit is decided by the source.
 */
export interface LogClient {
  /** Shown in messages, such as `kafka localhost:9092`. */
  readonly name: string;
  connect(): ObservableInput<unknown>;
  /**
   * The partitions of the topics, in order of topic and number. A pattern gives those of every topic that matches now.
   *
   * @throws {UnknownTopicError} when a topic named by a string is not there
   */
  partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly TopicPartition[]>;
  /** The offsets of a point; a partition with nothing at or after a timestamp gives its latest offset. */
  offsets(partitions: readonly TopicPartition[], point: LogPoint): ObservableInput<readonly TopicPartitionOffset[]>;
  /** What the group has committed; a partition without a committed offset is left out. */
  committed(groupId: string, partitions: readonly TopicPartition[]): ObservableInput<readonly TopicPartitionOffset[]>;
  commit(groupId: string, positions: readonly TopicPartitionOffset[]): ObservableInput<unknown>;
  /**
   * Reads on from the given offsets: one request to each broker concerned, all in parallel. May emit several times, once
   * for each broker's answer as it comes. Partitions come back in any order, and one may come back without records. A
   * broker goes beyond `maxBytes` by one record batch at most, when it would have nothing to give otherwise.
   */
  fetch(requests: readonly FetchRequest[], options: FetchOptions): ObservableInput<readonly FetchedPartition[]>;
  /**
   * Which broker answers for a partition, as last heard. A source has one request in flight for each. Without this method
   * one broker answers for all.
   */
  broker?(partition: TopicPartition): string | undefined;
  close(): ObservableInput<unknown>;
}
