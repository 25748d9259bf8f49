import { asyncScheduler, EMPTY, type ObservableInput, of, type SchedulerLike, throwError } from 'rxjs';
import { InvalidOptionError, OffsetOutOfRangeError, UnknownTopicError } from '../../batch/errors.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { checkPositiveInteger } from '../../options/checks.js';
import { murmur2 } from '../../partitioning/murmur2.js';
import type { FetchedPartition, FetchOptions, FetchRequest, LogClient, LogPoint } from './logClient.js';
import { MemoryRecordReader, type StoredRecord } from './memoryRecordReader.js';
import type { RecordHeader } from './recordView.js';

/** A record to append. Text is kept as UTF-8. */
export interface NewRecord {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
  /** Milliseconds since the epoch. Default: now, by the log's scheduler. */
  readonly timestamp?: number;
  /** Default: by the hash of the key; in turn for records without a key. */
  readonly partition?: number;
}

export interface MemoryLogOptions {
  /** Topics to begin with, and how many partitions each has. */
  readonly topics?: Readonly<Record<string, number>>;
  /** The clock for time stamps. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

interface StoredPartition {
  readonly records: StoredRecord[];
  earliest: number;
  latest: number;
}

const encoder = new TextEncoder();

/**
 * A partitioned log in memory, with offsets, consumer groups and retention: it stands in for Kafka in tests, in a browser
 * and in demos, behind the same client port. It answers synchronously, so it runs in virtual time.
 */
export class MemoryLog implements LogClient {
  readonly name = 'memory log';
  readonly #topics = new Map<string, StoredPartition[]>();
  readonly #groups = new Map<string, Map<string, TopicPartitionOffset>>();
  readonly #scheduler: SchedulerLike;
  #turn = 0;

  constructor(options: MemoryLogOptions = {}) {
    this.#scheduler = options.scheduler ?? asyncScheduler;
    for (const [topic, partitions] of Object.entries(options.topics ?? {})) this.createTopic(topic, partitions);
  }

  /** Makes a topic, or gives it more partitions when it exists. */
  createTopic(topic: string, partitions = 1): void {
    checkPositiveInteger('memoryLog', 'partitions', partitions);
    const existing = this.#topics.get(topic) ?? [];
    while (existing.length < partitions) existing.push({ records: [], earliest: 0, latest: 0 });
    this.#topics.set(topic, existing);
  }

  deleteTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Appends records in order. Gives the offset of each. */
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

  /** Retention: drops all records of a partition below `offset`. */
  truncate(topic: string, partition: number, offset: number): void {
    const stored = this.#partition({ topic, partition });
    stored.earliest = Math.min(Math.max(offset, stored.earliest), stored.latest);
    const kept = stored.records.findIndex((record) => record.offset >= stored.earliest);
    stored.records.splice(0, kept === -1 ? stored.records.length : kept);
  }

  /** The offset after the last record of a partition. */
  latest(topic: string, partition: number): number {
    return this.#partition({ topic, partition }).latest;
  }

  /** What a group has committed for a partition. */
  committedOffset(groupId: string, topic: string, partition: number): number | undefined {
    return this.#groups.get(groupId)?.get(partitionKey({ topic, partition }))?.offset;
  }

  connect(): ObservableInput<never> {
    return EMPTY;
  }

  partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly TopicPartition[]> {
    const names = new Set<string>();
    for (const topic of topics) {
      if (typeof topic === 'string') {
        if (!this.#topics.has(topic)) return throwError(() => new UnknownTopicError(topic));
        names.add(topic);
      } else for (const name of this.#topics.keys()) if (new RegExp(topic).test(name)) names.add(name);
    }
    return of(
      [...names]
        .sort()
        .flatMap((topic) => (this.#topics.get(topic) ?? []).map((_, partition) => ({ topic, partition }))),
    );
  }

  offsets(partitions: readonly TopicPartition[], point: LogPoint): ObservableInput<readonly TopicPartitionOffset[]> {
    return this.#answer(() =>
      partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: this.#offset({ topic, partition }, point),
      })),
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
    const { records, earliest, latest } = this.#partition(request);
    const answer = { topic, partition, offset, earliest, latest };
    if (offset < earliest || offset > latest) {
      const lost = { topic, partition, from: Math.min(offset, latest), until: Math.max(offset, earliest) };
      return { ...answer, bytes: 0, error: new OffsetOutOfRangeError(lost, earliest, latest) };
    }
    const from = records.length - (latest - offset);
    let until = from;
    let bytes = 0;
    for (; until < records.length; until++) {
      const size = records[until]?.bytes ?? 0;
      if (until > from && bytes + size > maxBytes) break;
      bytes += size;
    }
    if (until === from) return { ...answer, bytes: 0 };
    return { ...answer, bytes, records: new MemoryRecordReader(topic, partition, offset, records.slice(from, until)) };
  }

  #store(offset: number, { key = null, value, headers = [], timestamp }: NewRecord): StoredRecord {
    const keyBytes = typeof key === 'string' ? encoder.encode(key) : key;
    const valueBytes = typeof value === 'string' ? encoder.encode(value) : value;
    const bytes = (keyBytes?.length ?? 0) + (valueBytes?.length ?? 0) + 16;
    return { offset, timestamp: timestamp ?? this.#scheduler.now(), key: keyBytes, value: valueBytes, headers, bytes };
  }

  #choose(key: NewRecord['key'], partitions: number): number {
    if (key === undefined || key === null) return this.#turn++ % partitions;
    const bytes = typeof key === 'string' ? encoder.encode(key) : key;
    return (murmur2(bytes) & 0x7fffffff) % partitions;
  }
}

/**
 * A log in memory that stands in for Kafka.
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
