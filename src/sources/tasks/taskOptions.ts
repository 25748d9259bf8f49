import { asyncScheduler, EMPTY } from 'rxjs';
import type { Key } from '../../batch/key.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import { driverChecks } from '../../driver/driverChecks.js';
import { type DriverOptions, type ResolvedDriverOptions, resolveDriverOptions } from '../../driver/driverOptions.js';
import { type OptionChecks, required } from '../../options/checkOptions.js';
import { checkFunction, checkNonNegative, checkText, oneOf } from '../../options/checks.js';
import { kafkaPartitioner, type Partitioner } from '../../partitioning/kafkaPartitioner.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import { type MembershipOptions, membershipChecks, resolveMembershipOptions } from '../group/membershipOptions.js';
import {
  logSourceChecks,
  type ResolvedLogSourceOptions,
  resolveLogSourceOptions,
} from '../log/resolveLogSourceOptions.js';
import type { TaskSourceOptions } from './sourcesTask.js';
import type { TaskHostOptions } from './taskHost.js';

/** How a job is divided among processes. */
export interface TaskOptions<C extends Checkpoint | undefined = undefined> extends MembershipOptions {
  /** The consumer group whose members share the tasks. Every process of the job has the same, and no other job. */
  readonly groupId: string;
  /**
   * Returns the checkpoint of a task: each task needs one of its own that all processes can reach, such as
   * `({ id }) => postgresCheckpoint(pool, { job: \`delays/${id}\` })`. Default: nothing is saved, a task goes on at its committed
   * offset, and its state starts empty in each process.
   */
  readonly checkpoint?: ((task: TaskInfo) => C) | undefined;
  /**
   * How long the open batches of a task may take when it goes to another process, in ms; then they are aborted, and the next
   * owner does them again.
   * @default 10 batch intervals
   */
  readonly drainMs?: number | undefined;
  /**
   * Whether operators by key fail with a `ForeignKeyError` when they meet a key that belongs to another task: each task would have a part
   * of its result. `'unchecked'` where the topic is partitioned in another way.
   * @default 'checked'
   */
  readonly keys?: 'checked' | 'unchecked' | undefined;
  /**
   * The partition of a key, as the topics are written.
   * @default kafkaPartitioner
   */
  readonly partitioner?: Partitioner<Key> | undefined;
}

/** What the tasks of a log take, whatever their sources. */
export type JobTasksOptions<C extends Checkpoint | undefined = undefined> = TaskOptions<C> &
  Omit<DriverOptions, 'checkpoint'>;

/** What the tasks of a log take. */
export type LogTasksOptions<T, C extends Checkpoint | undefined = undefined> = JobTasksOptions<C> &
  TaskSourceOptions<T>;

const { partitions: _, until: __, groupId: ___, ...sourceChecks } = logSourceChecks;

/** What each option of a source must be. */
export const taskSourceChecks: OptionChecks<TaskSourceOptions<never>> = {
  ...sourceChecks,
  topics: required(logSourceChecks.topics as never),
};

/** What each option of the job must be. */
export const jobTasksChecks: OptionChecks<JobTasksOptions<Checkpoint | undefined>> = {
  ...driverChecks,
  ...membershipChecks,
  groupId: required(checkText),
  checkpoint: checkFunction,
  drainMs: checkNonNegative,
  keys: oneOf('checked', 'unchecked'),
  partitioner: checkFunction,
};

/** The options of the job with their defaults. */
export interface ResolvedTaskOptions<C extends Checkpoint | undefined> {
  readonly driver: ResolvedDriverOptions;
  readonly host: TaskHostOptions;
  readonly groupObserver: MembershipOptions['groupObserver'];
  readonly checkpoint: ((task: TaskInfo) => C) | undefined;
  /** Absent where keys are not checked. */
  readonly partitioner: Partitioner<Key> | undefined;
}

/** What the options of a job do not say. */
export interface JobSetup {
  /** Of all sources. */
  readonly sources: readonly TaskSourceOptions<unknown>[];
  /** How long the first join is tried, in ms. */
  readonly retryTimeout: number;
  readonly processId: string;
  /** Where copies of the checkpoints of other processes are kept. Default: nowhere. */
  readonly newStandbys?: TaskHostOptions['newStandbys'];
}

/** For the rules on options that need a checkpoint: each task has another one. */
const someCheckpoint: Checkpoint = { location: 'of each task', open: () => EMPTY };

/**
 * The options with their defaults. The public function has checked each by itself, with `jobTasksChecks`.
 *
 * @throws {InvalidOptionError} naming the owner, the option, its value and the rule
 */
export function resolveTaskOptions<C extends Checkpoint | undefined>(
  owner: string,
  options: JobTasksOptions<C>,
  { sources, retryTimeout, processId, newStandbys }: JobSetup,
): ResolvedTaskOptions<C> {
  const { checkpoint, drainMs, keys = 'checked', partitioner = kafkaPartitioner, ...rest } = options;
  const { interval, groupId, scheduler = asyncScheduler } = options;
  const { instanceId, sessionTimeout, heartbeatInterval, groupObserver } = resolveMembershipOptions(owner, options);
  const topics = [...new Set(sources.flatMap((source) => source.topics))];
  const discoverInterval = Math.min(...sources.map((source) => source.discoverInterval ?? 30_000));
  return {
    driver: {
      ...resolveDriverOptions(owner, { ...rest, ...(checkpoint && { checkpoint: someCheckpoint }) }),
      checkpoint: undefined,
    },
    host: {
      owner,
      interval,
      drainMs: drainMs ?? 10 * interval,
      newStandbys,
      keysChecked: keys === 'checked',
      refusesUnclaimed: options.unclaimed !== 'complete',
      member: {
        ...{ groupId, topics, instanceId, sessionTimeout, heartbeatInterval, discoverInterval, scheduler },
        ...{ processId, retryTimeout },
      },
    },
    groupObserver,
    checkpoint,
    partitioner: keys === 'checked' ? partitioner : undefined,
  };
}

/**
 * The options of one source with their defaults; its group is that of the job.
 *
 * @throws {InvalidOptionError} naming the owner, the option, its value and the rule
 */
export function resolveTaskSource<T>(
  owner: string,
  source: TaskSourceOptions<T>,
  { groupId }: JobTasksOptions<Checkpoint | undefined>,
): ResolvedLogSourceOptions<T> {
  return resolveLogSourceOptions(owner, { ...source, groupId });
}
