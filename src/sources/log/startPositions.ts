import { concat, defer, forkJoin, from, last, map, mergeMap, type Observable, of } from 'rxjs';
import { InvalidOptionError, OffsetOutOfRangeError } from '../../batch/errors.js';
import { identityOf } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { type FormerLog, isOtherTopic, passBreak } from './logBreak.js';
import type { LogClient, LogPartition, LogPoint } from './logClient.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';

export interface StartPositions {
  readonly positions: readonly TopicPartitionOffset[];
  /** What was passed over under `offsetOutOfRange`. */
  readonly lost: readonly OffsetRange[];
  /** The ends of the partitions. */
  readonly latest: readonly TopicPartitionOffset[];
}

/** The partitions that continue: the checkpoint or the group has a position for them. */
export interface Continued {
  readonly continued: ReadonlySet<string>;
}

type StartOptions = Pick<
  ResolvedLogSourceOptions<unknown>,
  'groupId' | 'commitOffsets' | 'start' | 'offsetOutOfRange' | 'topics'
> & {
  /** To be waited for before committed offsets are read. */
  readonly outputsReady: Observable<never>;
};

/**
 * Where each partition starts: at its position in the checkpoint, else at the offset its group has committed, else where `start`
 * says. The first batch saves a position for every partition, so a partition without one in a topic whose other partitions have
 * one was added since: it starts at the earliest offset. Positions outside the log, or in a former log of the same name, are subject to
 * `offsetOutOfRange`.
 *
 * @param replay ranges that were planned after the positions
 */
export function startPositions(
  owner: string,
  client: LogClient,
  partitions: readonly LogPartition[],
  options: StartOptions,
  restored: readonly TopicPartitionOffset[] = [],
  replay: readonly OffsetRange[] = [],
): Observable<StartPositions & Continued> {
  const found = byPartition(withReplayed(restored, replay));
  const continued = new Set(found.keys());
  const { groupId, commitOffsets, outputsReady } = options;
  return defer(() => {
    const open = missing(partitions, found);
    if (groupId === undefined || open.length === 0) return of([]);
    // Where an output commits the offsets, a transaction may be about to change them.
    const committed = defer(() => client.committed(groupId, open, { stable: !commitOffsets }));
    return concat(outputsReady, committed).pipe(last());
  }).pipe(
    mergeMap((committed) => {
      for (const position of committed) {
        found.set(partitionKey(position), position);
        continued.add(partitionKey(position));
      }
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
      for (const position of started) found.set(partitionKey(position), placeOf(position));
      const positions = partitions.map((partition) => found.get(partitionKey(partition)) as TopicPartitionOffset);
      return compareLogs(client, partitions, positions, options.offsetOutOfRange, replay);
    }),
    mergeMap(({ positions, lost, latest, moved }) =>
      checkRange(
        client,
        positions.filter((position) => !moved.has(partitionKey(position))),
        options.offsetOutOfRange,
      ).pipe(
        map((checked) => {
          const inRange = byPartition(checked.positions);
          return {
            positions: positions.map((position) => inRange.get(partitionKey(position)) ?? position),
            lost: [...lost, ...checked.lost],
            latest: [...latest, ...checked.latest],
            continued,
          };
        }),
      ),
    ),
  );
}

/** A partition that was first planned after the last save has no position yet: it starts where its first range does. */
function withReplayed(
  restored: readonly TopicPartitionOffset[],
  replay: readonly OffsetRange[],
): readonly TopicPartitionOffset[] {
  const positions = new Map(restored.map((position) => [partitionKey(position), position]));
  for (const range of replay) {
    const { topic, partition, from: offset, topicId } = range;
    if (!positions.has(partitionKey(range))) {
      positions.set(partitionKey(range), { topic, partition, offset, ...identityOf({ topicId }) });
    }
  }
  return [...positions.values()];
}

/** An offset of a log as a position: nothing before it has been read, so that no leader epoch is known. */
export function placeOf({ topic, partition, offset, topicId }: TopicPartitionOffset): TopicPartitionOffset {
  return { topic, partition, offset, ...identityOf({ topicId }) };
}

interface IdentifiedPositions extends StartPositions {
  /** The partitions whose log is another one now. */
  readonly moved: ReadonlySet<string>;
}

/** Compares positions with the logs in which they were reached. */
function compareLogs(
  client: LogClient,
  partitions: readonly LogPartition[],
  positions: readonly TopicPartitionOffset[],
  policy: 'error' | 'earliest' | 'latest',
  replay: readonly OffsetRange[],
): Observable<IdentifiedPositions> {
  const present = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
  const idOf = (position: TopicPartition) => present.get(partitionKey(position))?.topicId;
  const recreated = positions.filter((position) => isOtherTopic(position.topicId, idOf(position)));
  const comparable = positions.filter((one) => !recreated.includes(one) && one.leaderEpoch !== undefined);
  const compared = comparable.length > 0 && client.diverged ? from(client.diverged(comparable)).pipe(last()) : of([]);
  return compared.pipe(
    mergeMap((diverged) => {
      const broken = [...recreated, ...diverged];
      const ends = (point: LogPoint) =>
        broken.length === 0 ? of(new Map()) : from(client.offsets(broken, point)).pipe(last(), map(byPartition));
      return forkJoin([ends('earliest'), ends('latest')]).pipe(
        map(([earliest, latest]) => {
          const lost: OffsetRange[] = [];
          const differs = byPartition(diverged);
          const checked = positions.map((position) => {
            const key = partitionKey(position);
            const topicId = idOf(position) ?? position.topicId;
            const end = latest.get(key);
            if (!end) return { ...position, ...identityOf({ topicId }) };
            const first = differs.get(key)?.offset ?? earliest.get(key)?.offset ?? 0;
            const reason = differs.has(key) ? 'diverged' : 'recreated';
            const passed = passBreak(former(position, replay), { reason, first, latest: end }, policy);
            lost.push(...passed.lost);
            return placeOf({ ...position, offset: passed.offset, ...identityOf({ topicId }) });
          });
          const moved = new Set(broken.map(partitionKey));
          return { positions: checked, lost, latest: [...latest.values()], moved };
        }),
      );
    }),
  );
}

/** What is known of the log in which a position was reached: what was planned in it was there. */
function former(
  { topic, partition, offset, topicId }: TopicPartitionOffset,
  replay: readonly OffsetRange[],
): FormerLog {
  let planned = offset;
  for (const range of replay) {
    const same = range.topic === topic && range.partition === partition && !isOtherTopic(range.topicId, topicId);
    if (same) planned = Math.max(planned, range.until);
  }
  return { topic, partition, position: offset, planned, latest: planned, topicId };
}

/** Where `skipTo` wants partitions to continue. */
export function skipTargets(
  client: LogClient,
  partitions: readonly TopicPartition[],
  skipTo: NonNullable<ResolvedLogSourceOptions<unknown>['skipTo']>,
  now: number,
): Observable<readonly TopicPartitionOffset[]> {
  const point = skipTo === 'latest' ? skipTo : { timestamp: Math.max(now - skipTo.olderThan, 0) };
  return from(client.offsets(partitions, point)).pipe(last());
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
  if (positions.length === 0) return of({ positions: [], lost: [], latest: [] });
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
      return { positions: checked, lost, latest: [...latest.values()] };
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
