import { InvalidOptionError } from '../../batch/errors.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { type OptionChecks, required, shape } from '../../options/checkOptions.js';
import {
  checkBoolean,
  checkFunction,
  checkPositive,
  checkPositiveInteger,
  checkText,
  oneOf,
  oneOfOr,
  withMethods,
} from '../../options/checks.js';
import type { Resolved } from '../../options/resolved.js';
import { withDefaults } from '../../options/withDefaults.js';
import type { LogSourceOptions } from './logSourceOptions.js';
import type { SharedBudget } from './sharedBudget.js';

/** Options with their defaults. Readers take the slice that they need. */
export type ResolvedLogSourceOptions<T> = Resolved<
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
  /** Where streams share one for what they read ahead. */
  readonly budget?: SharedBudget | undefined;
};

/** What each option must be by itself; `resolveLogSourceOptions` checks what they must be together. */
export const logSourceChecks: OptionChecks<LogSourceOptions<never>> = {
  topics: checkTopics,
  partitions: checkPartitions,
  deserialize: required(checkFunction),
  groupId: checkText,
  commitOffsets: checkBoolean,
  start: checkStart,
  until: checkUntil,
  offsetOutOfRange: oneOf('error', 'earliest', 'latest'),
  skipTo: oneOfOr(['latest'], shape<{ olderThan: number }>({ olderThan: required(checkPositive) }), '{ olderThan }'),
  invalidRecords: oneOfOr(['error', 'skip'], withMethods('next'), 'an Observer'),
  maxRatePerPartition: checkPositive,
  minRatePerPartition: checkPositive,
  rateSharing: oneOf('lag', 'fair', 'aligned'),
  maxBytesPerBatch: checkPositiveInteger,
  maxBufferedBytes: checkPositiveInteger,
  discoverInterval: checkPositive,
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
  const resolved = { ...withDefaults(defaults, options), ...given };
  checkSelection(owner, topics, partitions);
  if (resolved.start === 'committed' && groupId === undefined) {
    throw new InvalidOptionError(owner, 'start', resolved.start, 'needs groupId to be set');
  }
  if (options.commitOffsets === true && groupId === undefined) {
    throw new InvalidOptionError(owner, 'commitOffsets', true, 'needs groupId to be set');
  }
  checkRates(owner, maxRatePerPartition, minRatePerPartition);
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
  const keys = new Set((partitions ?? []).map(partitionKey));
  if (keys.size === (partitions ?? []).length) return;
  throw new InvalidOptionError(owner, 'partitions', partitions, 'must name each partition once');
}

function checkTopics(owner: string, option: string, topics: unknown): void {
  // A string would be iterated character by character.
  if (!Array.isArray(topics))
    throw new InvalidOptionError(owner, option, topics, 'must be a list of names and patterns');
  if (topics.length === 0) throw new InvalidOptionError(owner, option, topics, 'must name a topic');
  for (const topic of topics) {
    if (topic instanceof RegExp || (typeof topic === 'string' && topic !== '')) continue;
    throw new InvalidOptionError(owner, option, topic, 'must be a non-empty string or a RegExp');
  }
}

function checkPartitions(owner: string, option: string, partitions: unknown): void {
  if (!Array.isArray(partitions))
    throw new InvalidOptionError(owner, option, partitions, 'must be a list of partitions');
  if (partitions.length === 0) throw new InvalidOptionError(owner, option, partitions, 'must name a partition');
  checkPlaces(owner, option, partitions);
}

function checkPlaces(owner: string, option: string, places: readonly (TopicPartition | null | undefined)[]): void {
  for (const place of places) {
    const { topic, partition } = place ?? {};
    if (typeof topic === 'string' && topic !== '' && Number.isSafeInteger(partition) && Number(partition) >= 0)
      continue;
    throw new InvalidOptionError(owner, option, place, 'must have a topic and a partition number of at least 0');
  }
}

function checkStart(owner: string, option: string, start: unknown): void {
  if (['earliest', 'latest', 'committed'].includes(start as string) || isPoint(owner, option, start)) return;
  const rule = 'must be "earliest", "latest", "committed", { timestamp } in ms, or a list of offsets';
  throw new InvalidOptionError(owner, option, start, rule);
}

function checkUntil(owner: string, option: string, until: unknown): void {
  if (until === 'latest' || isPoint(owner, option, until)) return;
  throw new InvalidOptionError(owner, option, until, 'must be "latest", { timestamp } in ms, or a list of offsets');
}

/** Whether it is a timestamp or a list of offsets, which are checked. */
function isPoint(owner: string, option: string, point: unknown): boolean {
  if (Array.isArray(point)) {
    checkPlaces(owner, option, point);
    for (const { offset } of point as readonly TopicPartitionOffset[]) {
      if (Number.isSafeInteger(offset) && offset >= 0) continue;
      throw new InvalidOptionError(owner, option, offset, 'must have offsets that are integers of at least 0');
    }
    return true;
  }
  const { timestamp } = Object(point) as { readonly timestamp?: unknown };
  return typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0;
}

function checkRates(owner: string, max: number | undefined, min: number | undefined): void {
  if (max !== undefined && min !== undefined && min > max) {
    throw new InvalidOptionError(owner, 'minRatePerPartition', min, `must not exceed maxRatePerPartition (${max})`);
  }
}
