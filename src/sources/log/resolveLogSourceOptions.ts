import { InvalidOptionError } from '../../batch/errors.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { checkFunction, checkOneOf, checkPositive, checkPositiveInteger } from '../../options/checks.js';
import type { LogSourceOptions } from './logSourceOptions.js';

/** Options with their defaults. Readers take the slice that they need. */
export type ResolvedLogSourceOptions<T> = Required<
  Omit<
    LogSourceOptions<T>,
    'topics' | 'partitions' | 'groupId' | 'until' | 'maxRatePerPartition' | 'minRatePerPartition' | 'skipTo'
  >
> & {
  readonly topics: readonly (string | RegExp)[] | undefined;
  readonly partitions: readonly TopicPartition[] | undefined;
  readonly groupId: string | undefined;
  readonly until: LogSourceOptions<T>['until'];
  readonly maxRatePerPartition: number | undefined;
  readonly minRatePerPartition: number | undefined;
  readonly skipTo: LogSourceOptions<T>['skipTo'];
};

const defaults = {
  commitOffsets: true,
  start: 'latest',
  offsetOutOfRange: 'error',
  invalidRecords: 'error',
  rateSharing: 'lag',
  maxBytesPerBatch: 128 * 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  discoverInterval: 30_000,
} as const;

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function resolveLogSourceOptions<T>(owner: string, options: LogSourceOptions<T>): ResolvedLogSourceOptions<T> {
  const { topics, partitions, groupId, until, maxRatePerPartition, minRatePerPartition, skipTo } = options;
  const given = { topics, partitions, groupId, until, maxRatePerPartition, minRatePerPartition, skipTo };
  const resolved = { ...defaults, ...options, ...given };
  checkSelection(owner, topics, partitions);
  checkFunction(owner, 'deserialize', options.deserialize);
  checkStart(owner, resolved.start, groupId);
  if (until !== undefined) checkUntil(owner, until);
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
  checkSkipTo(owner, skipTo);
  checkOneOf(owner, 'rateSharing', resolved.rateSharing, ['lag', 'fair', 'oldest']);
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
  // A string would be iterated character by character.
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
  if (isPoint(owner, 'start', start)) return;
  const rule = 'must be "earliest", "latest", "committed", { timestamp } in ms, or a list of offsets';
  throw new InvalidOptionError(owner, 'start', start, rule);
}

function checkUntil(owner: string, until: LogSourceOptions<unknown>['until']): void {
  if (until === 'latest' || isPoint(owner, 'until', until)) return;
  throw new InvalidOptionError(owner, 'until', until, 'must be "latest", { timestamp } in ms, or a list of offsets');
}

/** Whether it is a timestamp or a list of offsets, which are checked. */
function isPoint(owner: string, option: string, point: unknown): boolean {
  if (Array.isArray(point)) {
    checkPlaces(owner, option, point as readonly TopicPartitionOffset[]);
    for (const { offset } of point as readonly TopicPartitionOffset[]) {
      if (Number.isSafeInteger(offset) && offset >= 0) continue;
      throw new InvalidOptionError(owner, option, offset, 'must have offsets that are integers of at least 0');
    }
    return true;
  }
  const timestamp = (point as { timestamp?: unknown } | undefined)?.timestamp;
  return typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0;
}

function checkSkipTo(owner: string, skipTo: LogSourceOptions<unknown>['skipTo']): void {
  if (skipTo === undefined || skipTo === 'latest') return;
  if (typeof skipTo !== 'object' || skipTo === null) {
    throw new InvalidOptionError(owner, 'skipTo', skipTo, 'must be "latest" or { olderThan } in ms');
  }
  checkPositive(owner, 'skipTo.olderThan', skipTo.olderThan);
}

function checkRates(owner: string, max: number | undefined, min: number | undefined): void {
  if (max !== undefined) checkPositive(owner, 'maxRatePerPartition', max);
  if (min !== undefined) checkPositive(owner, 'minRatePerPartition', min);
  if (max !== undefined && min !== undefined && min > max) {
    throw new InvalidOptionError(owner, 'minRatePerPartition', min, `must not exceed maxRatePerPartition (${max})`);
  }
}
