import type { Observer } from 'rxjs';
import type { ShareStrategy } from '../../backpressure/shareRecords.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { checkFunction, checkOneOf, checkPositive, checkPositiveInteger } from '../../options/checks.js';
import type { InvalidRecord } from './invalidRecord.js';
import type { LogPoint } from './logClient.js';
import type { RecordView } from './recordView.js';

/** What a source over a partitioned log (Kafka, the in-memory log) takes. */
export interface LogSourceOptions<T> {
  /** Topics by name, or by pattern. Either this or `partitions`. */
  readonly topics?: readonly (string | RegExp)[];
  /** Explicit partitions, when not all of a topic's are to be read. */
  readonly partitions?: readonly TopicPartition[];
  /**
   * Turns a record into what the operators get. The view and its bytes are valid during the call only. `string()`,
   * `json()` and `bytes()` are ready ones.
   */
  readonly deserialize: (view: RecordView) => T;
  /** Consumer group under which offsets are committed, after each complete batch, and found again at a restart. */
  readonly groupId?: string;
  /**
   * Whether the source commits the offsets of complete batches. `false` where an output commits them, as `sendToKafka`
   * does: what it has committed is where the stream starts again.
   * @default true
   */
  readonly commitOffsets?: boolean;
  /**
   * Where a partition starts that has neither a position in the checkpoint nor an offset committed by the group: at an
   * end of the log, at a timestamp, or at given offsets (partitions not listed start at the latest). `'committed'`
   * refuses to start such a partition. One that was added to a topic, of which other partitions have a position, starts
   * at the earliest all the same, as one that is added while the stream runs: everything in it is new.
   * @default 'latest'
   */
  readonly start?: LogPoint | 'committed' | readonly TopicPartitionOffset[];
  /**
   * What to do when offsets to be read are no longer, or not yet, in the log: fail and name the lost range, or go on at
   * an end of the log.
   * @default 'error'
   */
  readonly offsetOutOfRange?: 'error' | 'earliest' | 'latest';
  /**
   * What to do with a record that is malformed or cannot be deserialized: fail the stream, skip and count it, or hand
   * it to an Observer and count it.
   * @default 'error'
   */
  readonly invalidRecords?: 'error' | 'skip' | Pick<Observer<InvalidRecord>, 'next'>;
  /** Cap for each partition, in records per second, and one record a batch at least. Default none. */
  readonly maxRatePerPartition?: number;
  /**
   * Floor for each partition that has records waiting, in records per second, and one record a batch at least, whatever the
   * rate. Default none: each gets a record a batch while the rate has so many, and below that they take turns.
   */
  readonly minRatePerPartition?: number;
  /**
   * How a rate is shared among partitions: by their lag, evenly, or the oldest first. For the latter a partition is as old as
   * the newest record that was read of it, and one that was not read yet is the oldest; every partition with records still
   * gets one record a batch (where the rate has so many), or its floor.
   * @default 'lag'
   */
  readonly share?: ShareStrategy;
  /**
   * Bound on the bytes of one batch, by the mean size of the records seen, so that a backlog comes as several batches. A batch
   * holds records; or bytes, unpacked, up to this bound, where operators take one record after the other, and until they
   * have seen all of them.
   * @default 134217728 (128 MiB)
   */
  readonly maxBytesPerBatch?: number;
  /**
   * Bound on the bytes that are read ahead and that no batch has taken yet. Exceeded by at most one record batch for each
   * broker, as that is the least a broker gives, and by what is being unpacked: nothing more is asked for until that is
   * decoded. When it does not hold one record batch of each partition, some are fetched twice. Where no rate is set, up to an
   * eighth of it (8 MiB at most) is of the batch that the next tick will plan.
   * @default 67108864 (64 MiB)
   */
  readonly maxBufferedBytes?: number;
  /**
   * How often to look for new partitions, and for new topics that match a pattern, in ms. They start at the earliest.
   * @default 30000
   */
  readonly discoverInterval?: number;
}

export type ResolvedLogSourceOptions<T> = Required<
  Omit<LogSourceOptions<T>, 'topics' | 'partitions' | 'groupId' | 'maxRatePerPartition' | 'minRatePerPartition'>
> & {
  readonly topics: readonly (string | RegExp)[] | undefined;
  readonly partitions: readonly TopicPartition[] | undefined;
  readonly groupId: string | undefined;
  readonly maxRatePerPartition: number | undefined;
  readonly minRatePerPartition: number | undefined;
};

const defaults = {
  commitOffsets: true,
  start: 'latest',
  offsetOutOfRange: 'error',
  invalidRecords: 'error',
  share: 'lag',
  maxBytesPerBatch: 128 * 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  discoverInterval: 30_000,
} as const;

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function resolveLogSourceOptions<T>(owner: string, options: LogSourceOptions<T>): ResolvedLogSourceOptions<T> {
  const { topics, partitions, groupId, maxRatePerPartition, minRatePerPartition } = options;
  const resolved = { ...defaults, ...options, topics, partitions, groupId, maxRatePerPartition, minRatePerPartition };
  checkSelection(owner, topics, partitions);
  checkFunction(owner, 'deserialize', options.deserialize);
  checkStart(owner, resolved.start, groupId);
  if (groupId !== undefined && (typeof groupId !== 'string' || groupId === '')) {
    throw new InvalidOptionError(owner, 'groupId', groupId, 'must be a non-empty string');
  }
  if (typeof resolved.commitOffsets !== 'boolean' || (options.commitOffsets === true && groupId === undefined)) {
    throw new InvalidOptionError(
      owner,
      'commitOffsets',
      options.commitOffsets,
      'must be a boolean; true needs groupId',
    );
  }
  checkOneOf(owner, 'offsetOutOfRange', resolved.offsetOutOfRange, ['error', 'earliest', 'latest']);
  checkOneOf(owner, 'share', resolved.share, ['lag', 'fair', 'oldest']);
  if (typeof resolved.invalidRecords === 'string') {
    checkOneOf(owner, 'invalidRecords', resolved.invalidRecords, ['error', 'skip']);
  } else checkFunction(owner, 'invalidRecords.next', resolved.invalidRecords.next);
  checkRates(owner, maxRatePerPartition, minRatePerPartition);
  checkPositiveInteger(owner, 'maxBytesPerBatch', resolved.maxBytesPerBatch);
  checkPositiveInteger(owner, 'maxBufferedBytes', resolved.maxBufferedBytes);
  checkPositive(owner, 'discoverInterval', resolved.discoverInterval);
  return resolved;
}

function checkSelection(
  owner: string,
  topics: LogSourceOptions<unknown>['topics'],
  partitions: LogSourceOptions<unknown>['partitions'],
): void {
  if ((topics === undefined) === (partitions === undefined)) {
    throw new InvalidOptionError(owner, 'topics', topics, 'must be given, or else partitions, but not both');
  }
  // A text would be gone through letter by letter.
  if (topics !== undefined && !Array.isArray(topics)) {
    throw new InvalidOptionError(owner, 'topics', topics, 'must be a list of names and patterns');
  }
  if (topics && topics.length === 0) throw new InvalidOptionError(owner, 'topics', topics, 'must name a topic');
  for (const topic of topics ?? []) {
    if (topic instanceof RegExp || (typeof topic === 'string' && topic !== '')) continue;
    throw new InvalidOptionError(owner, 'topics', topic, 'must be a non-empty string or a RegExp');
  }
  if (partitions && partitions.length === 0) {
    throw new InvalidOptionError(owner, 'partitions', partitions, 'must name a partition');
  }
  checkPlaces(owner, 'partitions', partitions ?? []);
  const keys = new Set((partitions ?? []).map(partitionKey));
  if (keys.size === (partitions ?? []).length) return;
  throw new InvalidOptionError(owner, 'partitions', partitions, 'must name each partition once');
}

function checkPlaces(owner: string, option: string, places: readonly TopicPartition[]): void {
  for (const place of places) {
    const { topic, partition } = place;
    if (typeof topic === 'string' && topic !== '' && Number.isSafeInteger(partition) && partition >= 0) continue;
    throw new InvalidOptionError(owner, option, place, 'must have a topic and a partition number of at least 0');
  }
}

function checkStart(owner: string, start: LogSourceOptions<unknown>['start'], groupId: string | undefined): void {
  if (start === 'earliest' || start === 'latest') return;
  if (start === 'committed') {
    if (groupId !== undefined) return;
    throw new InvalidOptionError(owner, 'start', start, 'needs groupId to be set');
  }
  if (Array.isArray(start)) {
    checkPlaces(owner, 'start', start as readonly TopicPartitionOffset[]);
    for (const { offset } of start as readonly TopicPartitionOffset[]) {
      if (Number.isSafeInteger(offset) && offset >= 0) continue;
      throw new InvalidOptionError(owner, 'start', offset, 'must have offsets that are integers of at least 0');
    }
    return;
  }
  const timestamp = (start as { timestamp?: unknown } | undefined)?.timestamp;
  if (typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0) return;
  const rule = 'must be "earliest", "latest", "committed", { timestamp } in ms, or a list of offsets';
  throw new InvalidOptionError(owner, 'start', start, rule);
}

function checkRates(owner: string, max: number | undefined, min: number | undefined): void {
  if (max !== undefined) checkPositive(owner, 'maxRatePerPartition', max);
  if (min !== undefined) checkPositive(owner, 'minRatePerPartition', min);
  if (max !== undefined && min !== undefined && min > max) {
    throw new InvalidOptionError(owner, 'minRatePerPartition', min, `must not exceed maxRatePerPartition (${max})`);
  }
}
