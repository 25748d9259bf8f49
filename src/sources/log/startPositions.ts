import { defer, forkJoin, from, last, map, mergeMap, type Observable, of } from 'rxjs';
import { InvalidOptionError, OffsetOutOfRangeError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { LogClient, LogPoint } from './logClient.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';

export interface StartPositions {
  readonly positions: readonly TopicPartitionOffset[];
  /** What was passed over under `offsetOutOfRange`. */
  readonly lost: readonly OffsetRange[];
}

type StartOptions = Pick<ResolvedLogSourceOptions<unknown>, 'groupId' | 'start' | 'offsetOutOfRange' | 'topics'>;

/**
 * Where each partition starts: at its position in the checkpoint, else at the offset its group has committed, else where `start`
 * says. The first batch saves a position for every partition, so a partition without one in a topic whose other partitions have
 * one was added since: it starts at the earliest offset. Positions outside the log are subject to `offsetOutOfRange`.
 */
export function startPositions(
  owner: string,
  client: LogClient,
  partitions: readonly TopicPartition[],
  options: StartOptions,
  restored: readonly TopicPartitionOffset[] = [],
): Observable<StartPositions> {
  const found = byPartition(restored);
  const { groupId } = options;
  return defer(() => {
    const open = missing(partitions, found);
    if (groupId === undefined || open.length === 0) return of([]);
    return from(client.committed(groupId, open)).pipe(last());
  }).pipe(
    mergeMap((committed) => {
      for (const position of committed) found.set(partitionKey(position), position);
      const known = new Set([...found.values()].map(({ topic }) => topic));
      const open = missing(partitions, found);
      const isNew = ({ topic }: TopicPartition) => options.topics !== undefined && known.has(topic);
      const initial = open.filter((partition) => !isNew(partition));
      return forkJoin([
        fromStart(owner, client, initial, options),
        fromEarliest(client, open.filter(isNew), options),
      ]).pipe(map((started) => started.flat()));
    }),
    mergeMap((started) => {
      for (const position of started) found.set(partitionKey(position), position);
      const positions = partitions.map((partition) => found.get(partitionKey(partition)) as TopicPartitionOffset);
      return checkRange(client, positions, options.offsetOutOfRange);
    }),
  );
}

/** The earliest offsets, except where `start` lists an offset. */
function fromEarliest(
  client: LogClient,
  partitions: readonly TopicPartition[],
  { start }: StartOptions,
): Observable<readonly TopicPartitionOffset[]> {
  if (partitions.length === 0) return of([]);
  const given = isList(start) ? byPartition(start) : new Map<string, TopicPartitionOffset>();
  return from(client.offsets(partitions, 'earliest')).pipe(
    last(),
    map((earliest) => earliest.map((position) => given.get(partitionKey(position)) ?? position)),
  );
}

function fromStart(
  owner: string,
  client: LogClient,
  partitions: readonly TopicPartition[],
  { start, groupId }: StartOptions,
): Observable<readonly TopicPartitionOffset[]> {
  if (partitions.length === 0) return of([]);
  if (start === 'committed') {
    const names = partitions.map(partitionKey).join(', ');
    throw new InvalidOptionError(owner, 'start', start, `but group "${groupId}" has no committed offset for ${names}`);
  }
  if (!isList(start)) return from(client.offsets(partitions, start)).pipe(last());
  const given = byPartition(start);
  const rest = missing(partitions, given);
  const listed = partitions.flatMap((partition) => given.get(partitionKey(partition)) ?? []);
  if (rest.length === 0) return of(listed);
  return from(client.offsets(rest, 'latest')).pipe(
    last(),
    map((latest) => [...listed, ...latest]),
  );
}

/** Compares positions with the ends of the log. */
export function checkRange(
  client: LogClient,
  positions: readonly TopicPartitionOffset[],
  policy: 'error' | 'earliest' | 'latest',
): Observable<StartPositions> {
  if (positions.length === 0) return of({ positions: [], lost: [] });
  const ends = (point: LogPoint) => from(client.offsets(positions, point)).pipe(last(), map(byPartition));
  return forkJoin([ends('earliest'), ends('latest')]).pipe(
    map(([earliest, latest]) => {
      const lost: OffsetRange[] = [];
      const checked = positions.map((position) => {
        const first = earliest.get(partitionKey(position))?.offset ?? 0;
        const end = latest.get(partitionKey(position))?.offset ?? first;
        if (position.offset >= first && position.offset <= end) return position;
        const moved = passOver(position, first, end, policy);
        lost.push(moved.lost);
        return moved.position;
      });
      return { positions: checked, lost };
    }),
  );
}

/**
 * Where to continue instead of an offset that is not in the log, and what is lost.
 *
 * @throws {OffsetOutOfRangeError} when the policy is `'error'`
 */
export function passOver(
  position: TopicPartitionOffset,
  earliest: number,
  latest: number,
  policy: 'error' | 'earliest' | 'latest',
): { readonly position: TopicPartitionOffset; readonly lost: OffsetRange } {
  const { topic, partition } = position;
  const range = lostRange({ topic, partition, offset: position.offset }, earliest, latest);
  if (policy === 'error') throw new OffsetOutOfRangeError(range, earliest, latest);
  const offset = policy === 'earliest' ? earliest : latest;
  const lost = policy === 'latest' && position.offset < earliest ? { ...range, until: latest } : range;
  return { position: { topic, partition, offset }, lost };
}

/** Too old: from the position to the earliest offset. Too new (the topic was recreated): what the log does not have. */
function lostRange({ topic, partition, offset }: TopicPartitionOffset, earliest: number, latest: number): OffsetRange {
  if (offset < earliest) return { topic, partition, from: offset, until: earliest };
  return { topic, partition, from: latest, until: offset };
}

function missing(
  partitions: readonly TopicPartition[],
  found: ReadonlyMap<string, TopicPartitionOffset>,
): readonly TopicPartition[] {
  return partitions.filter((partition) => !found.has(partitionKey(partition)));
}

function byPartition(positions: readonly TopicPartitionOffset[]): Map<string, TopicPartitionOffset> {
  return new Map(positions.map((position) => [partitionKey(position), position]));
}

function isList(start: StartOptions['start']): start is readonly TopicPartitionOffset[] {
  return Array.isArray(start);
}
