import { InvalidOptionError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkFunction, checkPositiveInteger, withMethods } from '../options/checks.js';
import { kafkaPartitioner, type Partitioner } from '../partitioning/kafkaPartitioner.js';
import type { Checkpoint, PlannedBatch, RestoredCheckpoint, StateChange } from '../state/checkpoint.js';
import { changesOf, checkCheckpoint, saveChanges, settle, withCheckpoint } from './openedCheckpoint.js';
import { type SplitEntry, splitterOf } from './splitters.js';

/** Options of `splitCheckpoint`. */
export interface SplitOptions {
  /** The checkpoint that is split. It stays as it is. */
  readonly from: Checkpoint;
  /** How many partitions the topics have: a positive integer. */
  readonly of: number;
  /** Returns the checkpoint for the records of a partition: one for each, all empty. */
  readonly to: (partition: number) => Checkpoint;
  /**
   * The partition of a key, as the topics are written.
   * @default kafkaPartitioner
   */
  readonly partitioner?: Partitioner<Key>;
}

const optionChecks: OptionChecks<SplitOptions> = {
  from: required(checkCheckpoint),
  of: required(checkPositiveInteger),
  to: required(checkFunction),
  partitioner: checkFunction,
};

/**
 * Splits the checkpoint of a job that reads all partitions of its topics into one checkpoint for each partition, for jobs that read one
 * partition each: positions and planned ranges follow their partitions, and states by their keys.
 *
 * It needs states by the keys of the records as they are in the topic: those of `updateStateByKey`, `mapWithState`, `sessionWindow`,
 * `eventSessionWindow`, `reduceByKeyAndWindow`, `aggregateByKeyAndWindow`, `groupByKeyAndWindow`, and of event-time windows by key.
 * `eventTime` is split by its partitions, and the ids of `deduplicate` go to all. Any other state, such as that of `countByWindow`, cannot be split.
 *
 * @throws {InvalidOptionError} when an option is not what it should be; (as a rejection) when a state cannot be split, a position is of a
 * higher partition, or one of the new checkpoints is not empty
 * @throws {CheckpointError} (as a rejection) while a stream owns one of the checkpoints
 *
 * @see exportCheckpoint
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, memoryCheckpoint, type Pair, updateStateByKey } from 'dstream';
 * import { inspectCheckpoint, splitCheckpoint } from 'dstream/node';
 *
 * const checkpoint = memoryCheckpoint();
 * const flights: Pair<string, number>[][] = [[['SFO', 1], ['JFK', 1], ['LAX', 1]]];
 * const parts = [memoryCheckpoint(), memoryCheckpoint()];
 * fromBatches(flights, { interval: 10, checkpoint })
 *   .pipe(updateStateByKey((values) => values.length, { id: 'counts' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       await splitCheckpoint({ from: checkpoint, of: 2, to: (partition) => parts[partition]! });
 *       for (const part of parts) console.log((await inspectCheckpoint(part)).states[0]?.keys);
 *     },
 *   });
 * // => 2
 * // => 1
 * ```
 */
export function splitCheckpoint(options: SplitOptions): Promise<void> {
  checkOptions('splitCheckpoint', options, optionChecks);
  return split(options);
}

async function split({ from, of, to, partitioner = kafkaPartitioner }: SplitOptions): Promise<void> {
  const parts = await withCheckpoint(from, ({ restored }) => {
    if (!restored) throw new InvalidOptionError('splitCheckpoint', 'from', from.location, 'is empty');
    checkPartitions(restored, of);
    return partsOf(restored, of, partitioner);
  });
  for (const [partition, part] of parts.entries()) {
    const target = to(partition);
    checkCheckpoint('splitCheckpoint', 'to()', target);
    withMethods('open')('splitCheckpoint', `to(${partition})`, target);
    await withCheckpoint(target, async (session) => {
      if (session.restored) throw new InvalidOptionError('splitCheckpoint', 'to', target.location, 'must be empty');
      await saveChanges(session, part.progress, part.changes);
      for (const batch of part.planned) await settle(session.plan(batch));
    });
  }
}

interface Part {
  readonly progress: Pick<RestoredCheckpoint, 'time' | 'zeroTime' | 'interval' | 'positions'>;
  readonly planned: readonly PlannedBatch[];
  readonly changes: StateChange[];
}

function partsOf(restored: RestoredCheckpoint, of: number, partitioner: Partitioner<Key>): readonly Part[] {
  const { time, zeroTime, interval } = restored;
  const parts = Array.from({ length: of }, (_, partition): Part => {
    const positions = ofPartition(restored.positions, partition);
    const planned = restored.planned.map((batch) => ({ ...batch, ranges: ofPartition(batch.ranges, partition) }));
    return { progress: { time, zeroTime, interval, positions }, planned, changes: [] };
  });
  for (const id of restored.stateIds) {
    const state = restored.state(id);
    if (!state) continue;
    const { operator, signature, version } = state;
    const splitter = splitterOf(operator);
    if (!splitter) {
      const rule = `is a state of ${operator}, which cannot be split by key: drop it first, or keep one job`;
      throw new InvalidOptionError('splitCheckpoint', 'from', id, rule);
    }
    const split = splitter((key) => partitioner(key, of), of);
    const entries = parts.map((): SplitEntry[] => []);
    for (const entry of state.entries()) {
      for (const [partition, part] of split(entry)) entries[partition]?.push(part);
    }
    for (const [partition, part] of parts.entries()) {
      part.changes.push(...changesOf({ id, operator, signature, version }, entries[partition] ?? []));
    }
  }
  return parts;
}

function checkPartitions({ positions, planned }: RestoredCheckpoint, of: number): void {
  const all = [positions, ...planned.map(({ ranges }) => ranges)].flatMap((bySource) => Object.values(bySource).flat());
  const beyond = all.find(({ partition }) => partition >= of);
  if (!beyond) return;
  const rule = `must be the number of partitions: the checkpoint has partition ${beyond.partition} of ${beyond.topic}`;
  throw new InvalidOptionError('splitCheckpoint', 'of', of, rule);
}

function ofPartition<P extends { readonly partition: number }>(
  bySource: Readonly<Record<string, readonly P[]>>,
  partition: number,
): Readonly<Record<string, readonly P[]>> {
  const entries = Object.entries(bySource).map(([name, all]): [string, readonly P[]] => [
    name,
    all.filter((one) => one.partition === partition),
  ]);
  return Object.fromEntries(entries);
}
