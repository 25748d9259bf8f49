import type { Observer } from 'rxjs';
import type { RateSharing } from '../../backpressure/shareRecords.js';
import type { DeserializationError, MalformedRecordError } from '../../batch/errors.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { LogPoint } from './logClient.js';
import type { RecordView } from './recordView.js';

/** A record that is malformed or cannot be deserialized, as a dead-letter Observer receives it. Bytes are copies. */
export interface InvalidRecord {
  /** Topic that it was read from. */
  readonly topic: string;
  /** Partition that it was read from. */
  readonly partition: number;
  /** Offset of the record, or of the first one when a whole record batch is malformed. */
  readonly offset: number;
  /** Offset after the last one concerned: more than `offset` + 1 when a whole record batch is malformed. */
  readonly until: number;
  /** Absent when the bytes are malformed. */
  readonly key?: Uint8Array | null;
  /** Absent when the bytes are malformed. */
  readonly value?: Uint8Array | null;
  /** Why it is invalid. */
  readonly error: MalformedRecordError | DeserializationError;
}

/** What a source over a partitioned log (Kafka, the log in memory) takes. */
export interface LogSourceOptions<T> {
  /** Topics to read, by name or by pattern. Either this or `partitions` is required. */
  readonly topics?: readonly (string | RegExp)[] | undefined;
  /**
   * Explicit partitions, instead of all partitions of `topics`. Either this or `topics` is required. Ids, files and transactions of outputs are
   * named by them, so that streams which divide a topic do not clash.
   */
  readonly partitions?: readonly TopicPartition[] | undefined;
  /**
   * Turns a record into the value that operators receive. The view and its bytes are valid during the call only, so the function
   * must be synchronous: a promise fails the stream with an `InvalidOptionError`. `string()`, `json()` and `bytes()` return ready-made ones.
   */
  readonly deserialize: (view: RecordView) => T;
  /**
   * Consumer group under which the offsets of each complete batch are committed, and from which a restart continues. Default none: no
   * offset is committed.
   */
  readonly groupId?: string | undefined;
  /**
   * Whether the source commits the offsets of complete batches. Set it to `false` where an output commits them, as `sendToKafka`
   * does; the stream still starts where the group has committed.
   * @default true
   */
  readonly commitOffsets?: boolean | undefined;
  /**
   * Where a partition starts that has neither a position in the checkpoint nor an offset committed by the group: at an
   * end of the log, at a timestamp (ms since the epoch), or at given offsets (partitions not listed start at the latest).
   * `'committed'` refuses to start such a partition. A partition that was added to a topic whose other partitions have a position
   * always starts at the earliest offset, like one that is added while the stream runs: everything in it is new.
   * @default 'latest'
   */
  readonly start?: LogPoint | 'committed' | readonly TopicPartitionOffset[] | undefined;
  /**
   * Where the stream ends, for a run over what is there: at the latest offset, at the first record at or after a timestamp (ms since the
   * epoch), or at given offsets (partitions not listed end at the latest). The ends are fixed when the stream starts, and
   * with a checkpoint a restart keeps them until they are reached; it completes when
   * every record before them is complete and saved, and event-time windows close with its last batch. Partitions that are added meanwhile
   * are not read. The stream fails with an `InvalidOptionError` if an end is before the start, or no longer in the log. Default: it does
   * not end.
   */
  readonly until?: Exclude<LogPoint, 'earliest'> | readonly TopicPartitionOffset[] | undefined;
  /**
   * What to do when offsets to be read are no longer, or not yet, in the log, or belong to a former log of the same name (the topic was
   * created again, or an unclean leader election cut its log): fail with an `OffsetOutOfRangeError` that names the lost range, or continue
   * at an end of the log, `'earliest'` where a cut log differs, and report the range in `BatchInfo.lost`.
   * @default 'error'
   */
  readonly offsetOutOfRange?: 'error' | 'earliest' | 'latest' | undefined;
  /**
   * Freshness over completeness: a partition that continues from the checkpoint or its group, after a restart or a `retry()`, goes on
   * at the latest offset, or at the first record that is no older than `olderThan` ms. Batches that were planned before are replayed
   * first. What is passed over is reported in `BatchInfo.lost`. Default: nothing is passed over.
   */
  readonly skipTo?: 'latest' | { readonly olderThan: number } | undefined;
  /**
   * What to do with a record that is malformed or cannot be deserialized: fail the stream, skip and count it, or pass
   * it to an Observer and count it. `'error'` leaves a record that cannot be deserialized to `onRecordError`, where that is set. Where `next` returns a promise or an Observable, the batch waits for it, and fails when it
   * fails, so that no offset is committed before the record is in safe hands. The count is `skipped` in `BatchInfo`.
   * @default 'error'
   */
  readonly invalidRecords?: 'error' | 'skip' | Pick<Observer<InvalidRecord>, 'next'> | undefined;
  /** Cap for each partition, in records per second; at least one record per batch is always allowed. Default none. */
  readonly maxRatePerPartition?: number | undefined;
  /**
   * Floor for each partition that has records waiting, in records per second and at least one record per batch, whatever the
   * rate. Default none: each partition gets one record per batch while the rate allows it; below that, partitions take turns.
   */
  readonly minRatePerPartition?: number | undefined;
  /**
   * How a rate is shared among partitions: by lag, evenly, or up to the same time. With `'aligned'` a batch of a backlog has the records of
   * all partitions up to the same timestamp of the log, which it is asked for once to three times a batch: what belongs to one window of
   * event time is read together. Every partition with records waiting still gets one record per batch (where the rate allows it), or
   * its floor. A batch may have fewer records than the rate allows, down to 0.7 of it and less where times are uneven.
   * @default 'lag'
   */
  readonly rateSharing?: RateSharing | undefined;
  /**
   * Bound on the bytes of one batch after decompression, so that a backlog becomes several batches. It is planned for by the mean size
   * of the records seen; a batch that turns out larger ends sooner, and leaves the rest to the next one. It is exceeded by about a
   * quarter of a megabyte, what is read between two looks, or by one record.
   * @default 134217728 (128 MiB)
   */
  readonly maxBytesPerBatch?: number | undefined;
  /**
   * Bound on the bytes that are read ahead and not yet part of a batch. It may be exceeded by one record batch per broker,
   * the least that a broker returns, and by what is being decompressed: nothing more is fetched until that is
   * decoded. If it cannot hold one record batch of each partition, some record batches are fetched twice. Up to an
   * eighth of it (at most 8 MiB) is used for the batch that the next tick will plan, as far as the rate allows it.
   * @default 67108864 (64 MiB)
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * How often to look for new partitions, and for new topics that match a pattern, in ms. They start at the earliest offset.
   * @default 30000
   */
  readonly discoverInterval?: number | undefined;
}
