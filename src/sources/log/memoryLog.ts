import { asyncScheduler, EMPTY, type ObservableInput, of, type SchedulerLike, throwError } from 'rxjs';
import { InvalidOptionError, OffsetOutOfRangeError, UnknownTopicError } from '../../batch/errors.js';
import { identityOf } from '../../batch/logIdentity.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { partitionPoint } from '../../collections/partitionPoint.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkPositiveInteger, checkScheduler } from '../../options/checks.js';
import { partitionOfKey } from '../../partitioning/partitionOfKey.js';
import { isSelected } from './isSelected.js';
import { isOtherTopic } from './logBreak.js';
import type {
  FetchedPartition,
  FetchOptions,
  FetchRequest,
  LogClient,
  LogOffset,
  LogPartition,
  LogPoint,
} from './logClient.js';
import { MemoryRecordReader, type StoredRecord } from './memoryRecordReader.js';
import type { EpochStart } from './recordReader.js';
import type { RecordHeader } from './recordView.js';

/** A record to append to a log in memory. Text is stored as UTF-8. */
export interface NewRecord {
  /** Default: none. */
  readonly key?: string | Uint8Array | null;
  /** `null` is a tombstone. */
  readonly value: string | Uint8Array | null;
  /** Default: none. */
  readonly headers?: readonly RecordHeader[];
  /** Milliseconds since the epoch. Default: now, by the log's scheduler. */
  readonly timestamp?: number;
  /** Default: chosen by the hash of the key, as Kafka does; in turn for records without a key. */
  readonly partition?: number;
}

/** What `memoryLog` takes. */
export interface MemoryLogOptions {
  /** Topics to create, with their number of partitions. Default: none. */
  readonly topics?: Readonly<Record<string, number>> | undefined;
  /**
   * The clock for timestamps.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

const memoryLogChecks: OptionChecks<MemoryLogOptions> = { topics: checkCounts, scheduler: checkScheduler };

function checkCounts(owner: string, option: string, topics: unknown): void {
  if (typeof topics !== 'object' || topics === null || Array.isArray(topics)) {
    throw new InvalidOptionError(owner, option, topics, 'must be an object of partition counts by topic');
  }
  for (const [topic, count] of Object.entries(topics)) checkPositiveInteger(owner, `${option}.${topic}`, count);
}

interface StoredPartition {
  records: StoredRecord[];
  readonly topicId: string;
  earliest: number;
  latest: number;
  /** Where each leader epoch begins, in order; the last one is that of the leader. */
  readonly epochs: EpochStart[];
}

const encoder = new TextEncoder();

/**
 * A partitioned log in memory, with offsets, consumer groups and retention. It replaces Kafka in tests, in a browser and in demos, behind
 * the same client port. It answers synchronously, so it runs in virtual time.
 *
 * @see {@link memoryLog} for an example
 */
export class MemoryLog implements LogClient {
  readonly name = 'memory log';
  readonly #topics = new Map<string, StoredPartition[]>();
  readonly #groups = new Map<string, Map<string, TopicPartitionOffset>>();
  readonly #scheduler: SchedulerLike;
  #turn = 0;
  #created = 0;

  /** @throws {InvalidOptionError} when an option is out of its range */
  constructor(options: MemoryLogOptions = {}) {
    checkOptions('memoryLog', options, memoryLogChecks);
    this.#scheduler = options.scheduler ?? asyncScheduler;
    for (const [topic, partitions] of Object.entries(options.topics ?? {})) this.createTopic(topic, partitions);
  }

  /**
   * Creates a topic, or adds partitions to an existing one.
   *
   * @throws {InvalidOptionError} when `partitions` is not a positive integer
   */
  createTopic(topic: string, partitions = 1): void {
    checkPositiveInteger('memoryLog', 'partitions', partitions);
    const existing = this.#topics.get(topic) ?? [];
    const topicId = existing[0]?.topicId ?? `topic-${++this.#created}`;
    while (existing.length < partitions) {
      existing.push({ records: [], topicId, earliest: 0, latest: 0, epochs: [{ leaderEpoch: 0, offset: 0 }] });
    }
    this.#topics.set(topic, existing);
  }

  /** Deletes a topic and its records, and what groups have committed for it. One that is created again later has another id. */
  deleteTopic(topic: string): void {
    const partitions = this.#topics.get(topic)?.length ?? 0;
    this.#topics.delete(topic);
    for (const group of this.#groups.values()) {
      for (let partition = 0; partition < partitions; partition++) group.delete(partitionKey({ topic, partition }));
    }
  }

  /**
   * An unclean leader election: the new leader of a partition has no records from `offset` on, and begins a new leader epoch. What is
   * appended afterwards has the offsets of the records that are lost.
   *
   * @throws {UnknownTopicError} when the partition does not exist
   */
  electUncleanLeader(topic: string, partition: number, offset: number): void {
    const stored = this.#partition({ topic, partition });
    const leaderEpoch = (stored.epochs.at(-1)?.leaderEpoch ?? 0) + 1;
    stored.latest = Math.min(Math.max(offset, stored.earliest), stored.latest);
    const kept = stored.records.findIndex((record) => record.offset >= stored.latest);
    if (kept >= 0) stored.records.splice(kept);
    stored.epochs.splice(0, stored.epochs.length, ...stored.epochs.filter((epoch) => epoch.offset < stored.latest));
    stored.epochs.push({ leaderEpoch, offset: stored.latest });
  }

  /**
   * Appends records in order, and returns the offset of each.
   *
   * @throws {UnknownTopicError} when the topic does not exist
   * @throws {InvalidOptionError} when a record names a partition that the topic does not have
   */
  append(topic: string, records: readonly NewRecord[]): readonly TopicPartitionOffset[] {
    const partitions = this.#topics.get(topic);
    if (!partitions) throw new UnknownTopicError(topic);
    return records.map((record) => {
      const partition = record.partition ?? this.#choose(record.key, partitions.length);
      const stored = partitions[partition];
      if (!stored) throw new InvalidOptionError('append', 'partition', partition, `must be below ${partitions.length}`);
      const offset = stored.latest++;
      stored.records.push(this.#store(offset, record));
      return { topic, partition, offset };
    });
  }

  /**
   * Retention: deletes all records of a partition below `offset`.
   *
   * @throws {UnknownTopicError} when the partition does not exist
   */
  truncate(topic: string, partition: number, offset: number): void {
    const stored = this.#partition({ topic, partition });
    stored.earliest = Math.min(Math.max(offset, stored.earliest), stored.latest);
    const kept = stored.records.findIndex((record) => record.offset >= stored.earliest);
    stored.records.splice(0, kept === -1 ? stored.records.length : kept);
  }

  /**
   * Compaction: deletes every record of a partition that is followed by one with the same key. Offsets stay as they are, so that
   * gaps are left; records without a key are kept.
   *
   * @throws {UnknownTopicError} when the partition does not exist
   */
  compact(topic: string, partition: number): void {
    const stored = this.#partition({ topic, partition });
    const newest = new Map<string, number>();
    const keyOf = ({ key }: StoredRecord) => key?.join();
    for (const record of stored.records) {
      const key = keyOf(record);
      if (key !== undefined) newest.set(key, record.offset);
    }
    const kept = stored.records.filter((record) => {
      const key = keyOf(record);
      return key === undefined || newest.get(key) === record.offset;
    });
    stored.records = kept;
  }

  /**
   * The offset after the last record of a partition.
   *
   * @throws {UnknownTopicError} when the partition does not exist
   */
  latest(topic: string, partition: number): number {
    return this.#partition({ topic, partition }).latest;
  }

  /** The committed offset of a group; `undefined` if it has not committed any. */
  committedOffset(groupId: string, topic: string, partition: number): number | undefined {
    return this.#groups.get(groupId)?.get(partitionKey({ topic, partition }))?.offset;
  }

  connect(): ObservableInput<never> {
    return EMPTY;
  }

  partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly LogPartition[]> {
    const names = new Set<string>();
    for (const topic of topics) {
      if (typeof topic === 'string') {
        if (!this.#topics.has(topic)) return throwError(() => new UnknownTopicError(topic));
        names.add(topic);
      } else for (const name of this.#topics.keys()) if (isSelected(name, [topic])) names.add(name);
    }
    return of(
      [...names]
        .sort()
        .flatMap((topic) =>
          (this.#topics.get(topic) ?? []).map(({ topicId }, partition) => ({ topic, partition, topicId })),
        ),
    );
  }

  offsets(partitions: readonly TopicPartition[], point: LogPoint): ObservableInput<readonly LogOffset[]> {
    return this.#answer(() =>
      partitions.map(({ topic, partition }) => {
        const { topicId, epochs } = this.#partition({ topic, partition });
        const leaderEpoch = point === 'latest' ? epochs.at(-1)?.leaderEpoch : undefined;
        const offset = this.#offset({ topic, partition }, point);
        return { topic, partition, offset, ...identityOf({ topicId, leaderEpoch }) };
      }),
    );
  }

  diverged(positions: readonly TopicPartitionOffset[]): ObservableInput<readonly TopicPartitionOffset[]> {
    return this.#answer(() =>
      positions.flatMap((position) => {
        const offset = divergenceOf(this.#partition(position), position);
        return offset === undefined ? [] : [{ topic: position.topic, partition: position.partition, offset }];
      }),
    );
  }

  committed(groupId: string, partitions: readonly TopicPartition[]): ObservableInput<readonly TopicPartitionOffset[]> {
    const group = this.#groups.get(groupId);
    return of(partitions.flatMap((partition) => group?.get(partitionKey(partition)) ?? []));
  }

  commit(groupId: string, positions: readonly TopicPartitionOffset[]): ObservableInput<never> {
    const group = this.#groups.get(groupId) ?? new Map<string, TopicPartitionOffset>();
    for (const position of positions) group.set(partitionKey(position), position);
    this.#groups.set(groupId, group);
    return EMPTY;
  }

  fetch(requests: readonly FetchRequest[], options: FetchOptions): ObservableInput<readonly FetchedPartition[]> {
    return this.#answer(() => {
      let left = options.maxBytes;
      return requests.map((request) => {
        const fetched = this.#read(request, Math.min(request.maxBytes, left));
        left -= fetched.bytes;
        return fetched;
      });
    });
  }

  close(): ObservableInput<never> {
    return EMPTY;
  }

  #answer<R>(work: () => R): ObservableInput<R> {
    try {
      return of(work());
    } catch (error) {
      return throwError(() => error);
    }
  }

  #partition({ topic, partition }: TopicPartition): StoredPartition {
    const stored = this.#topics.get(topic)?.[partition];
    if (!stored) throw new UnknownTopicError(partitionKey({ topic, partition }));
    return stored;
  }

  #offset(partition: TopicPartition, point: LogPoint): number {
    const { records, earliest, latest } = this.#partition(partition);
    if (point === 'earliest') return earliest;
    if (point === 'latest') return latest;
    return records.find((record) => record.timestamp >= point.timestamp)?.offset ?? latest;
  }

  #read(request: FetchRequest, maxBytes: number): FetchedPartition {
    const { topic, partition, offset } = request;
    const stored = this.#partition(request);
    const { records, earliest, latest, topicId, epochs } = stored;
    const answer = { topic, partition, offset, earliest, latest, topicId, leaderEpoch: epochs.at(-1)?.leaderEpoch };
    const place = { topic, partition };
    if (isOtherTopic(request.topicId, topicId)) {
      const lost = { ...place, from: offset, until: offset };
      return { ...answer, bytes: 0, error: new OffsetOutOfRangeError(lost, earliest, latest, 'recreated') };
    }
    const differs = divergenceOf(stored, request);
    if (differs !== undefined) {
      const lost = { ...place, from: differs, until: offset };
      return { ...answer, bytes: 0, error: new OffsetOutOfRangeError(lost, differs, latest, 'diverged') };
    }
    if (offset < earliest || offset > latest) {
      const lost = { ...place, from: Math.min(offset, latest), until: Math.max(offset, earliest) };
      return { ...answer, bytes: 0, error: new OffsetOutOfRangeError(lost, earliest, latest) };
    }
    const from = firstFrom(records, offset);
    let until = from;
    let bytes = 0;
    for (; until < records.length; until++) {
      const size = records[until]?.bytes ?? 0;
      if (until > from && bytes + size > maxBytes) break;
      bytes += size;
    }
    if (until === from) return { ...answer, bytes: 0 };
    const reader = new MemoryRecordReader(topic, partition, offset, records.slice(from, until), epochs);
    return { ...answer, bytes, records: reader };
  }

  #store(offset: number, { key = null, value, headers = [], timestamp }: NewRecord): StoredRecord {
    const keyBytes = typeof key === 'string' ? encoder.encode(key) : key;
    const valueBytes = typeof value === 'string' ? encoder.encode(value) : value;
    const bytes = (keyBytes?.length ?? 0) + (valueBytes?.length ?? 0) + 16;
    return { offset, timestamp: timestamp ?? this.#scheduler.now(), key: keyBytes, value: valueBytes, headers, bytes };
  }

  #choose(key: NewRecord['key'], partitions: number): number {
    if (key === undefined || key === null) return this.#turn++ % partitions;
    return partitionOfKey(key, partitions);
  }
}

/** The first offset before a position at which the log is not the one any more that had this leader epoch there. */
function divergenceOf(
  { epochs, earliest, latest }: StoredPartition,
  { offset, leaderEpoch }: Pick<TopicPartitionOffset, 'offset' | 'leaderEpoch'>,
): number | undefined {
  if (leaderEpoch === undefined) return undefined;
  const next = epochs.find((epoch) => epoch.leaderEpoch > leaderEpoch);
  const end = next ? next.offset : latest;
  // Retention deletes from the other side.
  return end < offset && earliest < offset ? end : undefined;
}

/** The index of the first record at or after `offset`. */
function firstFrom(records: readonly StoredRecord[], offset: number): number {
  return partitionPoint(records.length, (i) => (records[i] as StoredRecord).offset < offset);
}

/**
 * A log in memory that replaces Kafka in tests, demos and browsers.
 *
 * @throws {InvalidOptionError} when a number of partitions is not a positive integer
 *
 * @see {@link logBatches} for a stream over it
 * @see {@link LogClient} for the port that it implements
 *
 * @example
 * ```ts
 * import { foreachBatch, logBatches, memoryLog, string } from 'dstream';
 *
 * const log = memoryLog({ topics: { words: 2 } });
 * log.append('words', [{ key: 'k', value: 'hello' }]);
 * const words = logBatches(log, { topics: ['words'], start: 'earliest', interval: 10, deserialize: string() });
 * words.pipe(foreachBatch((records) => console.log(records))).subscribe(() => words.stop());
 * // => [ 'hello' ]
 * ```
 */
export function memoryLog(options?: MemoryLogOptions): MemoryLog {
  return new MemoryLog(options);
}
