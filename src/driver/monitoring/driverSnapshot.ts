import type { BatchInfo } from '../../batch/batchInfo.js';
import type {
  InputSnapshot,
  PartitionSnapshot,
  StateSnapshot,
  StreamSnapshot,
} from '../../batch/monitoring/streamSnapshot.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { ownValue } from '../../collections/ownValue.js';
import type { Source, SourceRun, SourceStatus } from '../../sources/source.js';
import { behindOf } from '../behindOf.js';
import type { ReachedPositions } from '../reachedPositions.js';
import type { RunningBatch } from '../runningBatch.js';
import type { DriverMonitor } from './driverMonitor.js';

/** What a snapshot is computed from. */
export interface DriverParts
  extends Pick<StreamSnapshot, 'name' | 'at' | 'interval' | 'lastBatch' | 'waiting' | 'checkpoint'> {
  /** The time on the clock of the timestamps of records, in ms. */
  readonly wall: number;
  readonly monitor: DriverMonitor;
  readonly open: readonly RunningBatch[];
  readonly saving: readonly RunningBatch[];
  readonly sources: Readonly<Record<string, Source<unknown>>>;
  readonly runs: readonly (readonly [name: string, run: SourceRun<unknown>])[];
  readonly committed: ReachedPositions;
  /** The batch planned last. */
  readonly latest: RunningBatch | undefined;
  readonly state: readonly StateSnapshot[];
}

export function driverSnapshot(parts: DriverParts): StreamSnapshot {
  const { wall, monitor, open, saving, sources, runs, committed, latest, ...rest } = parts;
  const { lastBatch } = rest;
  const statuses = new Map(runs.map(([name, run]) => [name, run.snapshot?.()]));
  const inputs = Object.entries(sources).map(([name, { kind }]): [string, InputSnapshot] => {
    const status = statuses.get(name) ?? plannedOnly(name, latest, committed);
    const reached = committed.of(name);
    const newest = newestOf(lastBatch?.inputs, name);
    const partitions = status.partitions.map((partition) => {
      const key = partitionKey(partition);
      return withProgress(partition, reached.get(key)?.offset, newest.get(key), wall);
    });
    const rate = latest?.plans.get(name)?.rate;
    return [name, { ...status, partitions, kind, rate, decision: latest?.decisionOf(name) }];
  });
  return {
    ...rest,
    ...monitor.status,
    attempt: monitor.attempt,
    open: open.map((batch) => batch.snapshot()),
    saving: saving.map((batch) => batch.snapshot()),
    inputs: Object.fromEntries(inputs),
  };
}

/** For a source that does not report it: what was planned last. */
function plannedOnly(name: string, latest: RunningBatch | undefined, committed: ReachedPositions): SourceStatus {
  const planned = new Map(
    [...committed.of(name)].map(([key, { offset, ...place }]) => [key, { ...place, until: offset }]),
  );
  for (const range of latest?.plans.get(name)?.ranges ?? []) planned.set(partitionKey(range), range);
  const partitions = [...planned.values()].map(({ topic, partition, until }) => {
    return { topic, partition, start: 0, planned: until, end: until, bufferedBytes: 0 };
  });
  return { partitions, bufferedBytes: 0 };
}

/** The newest timestamp by partition, of the batch that completed last. */
function newestOf(inputs: BatchInfo['inputs'] | undefined, name: string): ReadonlyMap<string, number | undefined> {
  const partitions = ownValue(inputs, name)?.partitions ?? [];
  return new Map(partitions.map((one) => [partitionKey(one), one.newestTimestamp]));
}

function withProgress(
  { start, ...partition }: SourceStatus['partitions'][number],
  reached: number | undefined,
  newest: number | undefined,
  wall: number,
): PartitionSnapshot {
  const saved = reached ?? start;
  const lag = Math.max(partition.end - saved, 0);
  return { ...partition, committed: saved, lag, behind: behindOf(lag, newest, wall) };
}
