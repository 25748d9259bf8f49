import { InvalidOptionError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import { topicsOf } from '../batch/topicsOf.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { arrayOf, checkFunction, checkPositiveInteger, withMethods } from '../options/checks.js';
import { kafkaPartitioner, type Partitioner } from '../partitioning/kafkaPartitioner.js';
import type { Checkpoint, PlannedBatch, RestoredCheckpoint, StateChange } from '../state/checkpoint.js';
import { partitionsKey, taskStateId, taskStateOperator } from '../state/taskState.js';
import { changesOf, checkCheckpoint, saveChanges, settle, withCheckpoint } from './openedCheckpoint.js';
import { checkDescription, ownDivision, type SplitDescription } from './splitDescription.js';
import { type Division, divisionOf } from './splitters.js';

/** Options of `splitCheckpoint`. */
export interface SplitOptions {
  /**
   * The checkpoint that is split, or those of the tasks of a job in the order of their numbers, to divide them again when partitions were
   * added. They stay as they are.
   */
  readonly from: Checkpoint | readonly Checkpoint[];
  /** How many partitions the topics have: a positive integer; with the checkpoints of tasks, at least as many as there are tasks. */
  readonly of: number;
  /** Returns the checkpoint for the records of a partition: one for each, all empty. */
  readonly to: (partition: number) => Checkpoint;
  /**
   * The partition of a key, as the topics are written.
   * @default kafkaPartitioner
   */
  readonly partitioner?: Partitioner<Key> | undefined;
  /**
   * How operators of your own describe their states, each with its `id` and a `split`.
   * @default none
   */
  readonly states?: readonly SplitDescription[] | undefined;
}

const optionChecks: OptionChecks<SplitOptions> = {
  from: required(checkSources),
  of: required(checkPositiveInteger),
  to: required(checkFunction),
  partitioner: checkFunction,
  states: arrayOf(checkDescription),
};

function checkSources(owner: string, option: string, value: unknown): void {
  if (!Array.isArray(value)) checkCheckpoint(owner, option, value);
  else if (value.length === 0) throw new InvalidOptionError(owner, option, value, 'must have a checkpoint');
  else for (const [task, one] of value.entries()) checkCheckpoint(owner, `${option}[${task}]`, one);
}

/**
 * Splits the checkpoint of a job that reads all partitions of its topics into one checkpoint for each partition, for jobs that read one
 * partition each: positions and planned ranges follow their partitions, and states by their keys.
 *
 * With the checkpoints of several tasks it divides their states for a greater number of partitions. Stop the job first when all records
 * are worked off: those that are left in the former partitions have keys of other tasks. The new tasks go on after the latest batch of all, and read
 * partitions that were added from their beginning.
 *
 * It needs states by the keys of the records as they are in the topic: those of `updateStateByKey`, `mapWithState`, `sessionWindow`,
 * `eventSessionWindow`, `reduceByKeyAndWindow`, `aggregateByKeyAndWindow`, `groupByKeyAndWindow`, of event-time windows by key, `intervalJoin`
 * and `asOfJoin`. `eventTime` is split by its partitions; the ids of `deduplicate` and `deduplicateByEventTime` and the rows of `joinTable` go to
 * all. A state of an operator of your own is divided by the `split` of its description, which you pass in `states`. Any other state, such as
 * that of `countByWindow`, cannot be split. States by event time and tables of several tasks cannot be put together.
 *
 * @throws {InvalidOptionError} when an option is not what it should be; (as a rejection) when a state cannot be split, `of` is not the number
 * of partitions, a task is missing, in another place or has planned batches with records, two tasks have one key, or one of the new checkpoints
 * is not empty
 * @throws {IncompatibleStateError} (as a rejection) when the state of a description in `states` was saved by another operator, or under another
 * signature or version
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

async function split({ from, of, to, partitioner = kafkaPartitioner, states = [] }: SplitOptions): Promise<void> {
  const sources = Array.isArray(from) ? (from as readonly Checkpoint[]) : [from as Checkpoint];
  if (sources.length > of) {
    throw new InvalidOptionError(
      'splitCheckpoint',
      'of',
      of,
      `must be at least the number of tasks (${sources.length})`,
    );
  }
  const described = new Map(states.map((state) => [state.id, state]));
  const saved: Saved[] = [];
  for (const [task, source] of sources.entries()) {
    const one = await withCheckpoint(source, ({ restored }) => {
      if (!restored) throw new InvalidOptionError('splitCheckpoint', 'from', source.location, 'is empty');
      checkPartitions(restored, of);
      return savedOf(restored, source.location, described);
    });
    if (sources.length > 1 || one.isTask) checkTask(one, task, sources.length);
    else checkAll(one, of);
    saved.push(one);
  }
  const parts = partsOf(saved.some(({ isTask }) => isTask) ? joined(saved, of) : (saved[0] as Saved), of, partitioner);
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

type Progress = Pick<RestoredCheckpoint, 'time' | 'zeroTime' | 'interval' | 'positions'>;
type Entry = readonly [key: Key, state: unknown];
type Description = Pick<StateChange, 'id' | 'operator' | 'signature' | 'version'>;

interface SavedState extends Description {
  readonly division: Division;
  readonly entries: readonly Entry[];
}

/** What a checkpoint has, read. */
interface Saved extends Progress {
  readonly location: string;
  readonly planned: readonly PlannedBatch[];
  readonly states: ReadonlyMap<string, SavedState>;
  /** Whether it is that of a task. */
  readonly isTask: boolean;
  /** For how many partitions it is, as that of a task says. */
  readonly tasks: unknown;
}

function savedOf(
  restored: RestoredCheckpoint,
  location: string,
  described: ReadonlyMap<string | undefined, SplitDescription>,
): Saved {
  const { time, zeroTime, interval, positions, planned, stateIds } = restored;
  const states = new Map<string, SavedState>();
  for (const id of stateIds) {
    const state = id === taskStateId ? undefined : restored.state(id);
    if (!state) continue;
    const { operator, signature, version } = state;
    const own = described.get(id);
    const division = own ? ownDivision(own, id, state) : divisionOf(operator);
    if (!division) {
      const rule =
        `is a state of ${operator}, which cannot be split by key: drop it first, or keep one job; ` +
        'if the operator is your own, pass the description of its state, with a split, in states';
      throw new InvalidOptionError('splitCheckpoint', 'from', id, rule);
    }
    states.set(id, { id, operator, signature, version, division, entries: [...state.entries()] });
  }
  const isTask = stateIds.includes(taskStateId);
  const [[, tasks] = []] = isTask ? [...(restored.state(taskStateId)?.entries() ?? [])] : [];
  return { location, time, zeroTime, interval, positions, planned, states, isTask, tasks };
}

interface Part {
  readonly progress: Progress;
  readonly planned: readonly PlannedBatch[];
  readonly changes: StateChange[];
}

function partsOf(saved: Saved, of: number, partitioner: Partitioner<Key>): readonly Part[] {
  const { time, zeroTime, interval, isTask } = saved;
  const parts = Array.from({ length: of }, (_, partition): Part => {
    const positions = ofPartition(saved.positions, partition);
    const planned = saved.planned.map((batch) => plannedOf(batch, partition));
    return { progress: { time, zeroTime, interval, positions }, planned, changes: [] };
  });
  const partitions = new Map<Key, number>();
  const partitionOf = (key: Key): number => {
    const known = partitions.get(key);
    if (known !== undefined) return known;
    const partition = partitioner(key, of);
    partitions.set(key, partition);
    return partition;
  };
  const isOf = parts.map((_, partition) => (key: Key) => partitionOf(key) === partition);
  for (const { entries, division, ...description } of saved.states.values()) {
    for (const [partition, part] of parts.entries()) {
      const mine = isOf[partition] as (key: Key) => boolean;
      const own = entries.flatMap(([key, state]): Entry[] => {
        const left = division.split(key, state, mine, partition);
        return left === undefined ? [] : [[key, left]];
      });
      part.changes.push(...changesOf(description, own));
    }
  }
  const ofTask = { id: taskStateId, operator: taskStateOperator, signature: '', version: 0 };
  if (isTask) for (const part of parts) part.changes.push(...changesOf(ofTask, [[partitionsKey, of]]));
  return parts;
}

/** The checkpoints of all tasks as that of one job, for `of` partitions. */
function joined(tasks: readonly Saved[], of: number): Saved {
  const [first] = tasks as readonly [Saved];
  const states = new Map<string, SavedState>();
  for (const { location, states: own } of tasks) {
    for (const [id, state] of own) states.set(id, joinedState(states.get(id), state, location));
  }
  const names = [...new Set(tasks.flatMap(({ positions }) => Object.keys(positions)))];
  const positions = names.map((name) => {
    const known = tasks.flatMap((task) => task.positions[name] ?? []);
    const topics = topicsOf(known);
    const added = Array.from({ length: of - tasks.length }, (_, i) => tasks.length + i);
    return [
      name,
      [...known, ...topics.flatMap((topic) => added.map((p) => ({ topic, partition: p, offset: 0 })))],
    ] as const;
  });
  return {
    ...first,
    time: Math.max(...tasks.map(({ time }) => time)),
    positions: Object.fromEntries(positions),
    planned: [],
    states,
  };
}

/** @throws {InvalidOptionError} when they are not of one operator, or cannot be put together */
function joinedState(a: SavedState | undefined, b: SavedState, location: string): SavedState {
  const { id, operator, signature, version, division } = b;
  const refuse = (rule: string) => new InvalidOptionError('splitCheckpoint', 'from', id, `${rule}, in ${location}`);
  if (!a) return b;
  const { join } = division;
  if (!join)
    throw refuse(`is a state of ${operator}, of which those of several tasks cannot be put together: drop it first`);
  if (a.operator !== operator || a.signature !== signature || a.version !== version) {
    throw refuse(`is a state of ${a.operator} ${a.signature} in another task, and of ${operator} ${signature}`);
  }
  const entries = new Map(a.entries);
  for (const [key, state] of b.entries) {
    const other = entries.get(key);
    const both = entries.has(key) ? join(other, state) : state;
    if (both === undefined) throw refuse(`has the key ${JSON.stringify(key)} in two tasks`);
    entries.set(key, both);
  }
  return { ...a, entries: [...entries] };
}

/** @throws {InvalidOptionError} when it is not the checkpoint of that task, or is not worked off */
function checkTask({ location, positions, planned, isTask, tasks }: Saved, task: number, given: number): void {
  const refuse = (rule: string) => new InvalidOptionError('splitCheckpoint', `from[${task}]`, location, rule);
  if (!isTask) throw refuse('must be the checkpoint of a task');
  if (tasks !== given) throw refuse(`is of one of ${tasks} tasks: from must have the checkpoints of all of them`);
  const other = Object.values(positions)
    .flat()
    .find(({ partition }) => partition !== task);
  if (other) throw refuse(`is of task ${other.partition}: from must have the tasks in the order of their numbers`);
  // What is not worked off would be read by a task that does not have its keys any more.
  const ranges = planned.flatMap((batch) => Object.values(batch.ranges).flat());
  if (!ranges.some(({ from, until }) => until > from)) return;
  throw refuse('has planned batches with records: let the job work them off first');
}

/** By another number than that of the topics, keys would go to tasks that are not theirs. A source without partitions has one. */
function checkAll({ positions }: Saved, of: number): void {
  const known = Math.max(
    ...Object.values(positions)
      .flat()
      .map(({ partition }) => partition + 1),
  );
  if (known <= 1 || known >= of) return;
  const rule = `must be the number of partitions, of which the checkpoint has ${known}: for more, divide the tasks again`;
  throw new InvalidOptionError('splitCheckpoint', 'of', of, rule);
}

function checkPartitions({ positions, planned }: Pick<Saved, 'positions' | 'planned'>, of: number): void {
  const all = [positions, ...planned.map(({ ranges }) => ranges)].flatMap((bySource) => Object.values(bySource).flat());
  const beyond = all.find(({ partition }) => partition >= of);
  if (!beyond) return;
  const rule = `must be the number of partitions: the checkpoint has partition ${beyond.partition} of ${beyond.topic}`;
  throw new InvalidOptionError('splitCheckpoint', 'of', of, rule);
}

/** With what names the outputs of the part: those of all parts would have the same names else. */
function plannedOf({ selection: _, ...batch }: PlannedBatch, partition: number): PlannedBatch {
  const ranges = ofPartition(batch.ranges, partition);
  const topics = topicsOf(Object.values(ranges).flat());
  if (topics.length === 0) return { ...batch, ranges };
  return { ...batch, ranges, selection: `${topics.map(encodeURIComponent).join('+')}-${partition}` };
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
