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
import type { LogSourceOptions } from '../log/logSourceOptions.js';
import {
  logSourceChecks,
  type ResolvedLogSourceOptions,
  resolveLogSourceOptions,
} from '../log/resolveLogSourceOptions.js';
import type { TaskHostOptions } from './taskHost.js';

/** How a job is divided among processes. */
export interface TaskOptions<C extends Checkpoint | undefined = undefined> extends MembershipOptions {
  /** The consumer group whose members share the tasks. Every process of the job has the same. */
  readonly groupId: string;
  /**
   * Returns the checkpoint of a task: each task needs one of its own that all processes can reach, such as
   * `({ id }) => postgresCheckpoint(pool, { job: \`delays/${id}\` })`. Default: nothing is saved, a task goes on at its committed
   * offset, and its state starts empty in each process.
   */
  readonly checkpoint?: (task: TaskInfo) => C;
  /**
   * How long the open batches of a task may take when it goes to another process, in ms; then they are aborted, and the next
   * owner does them again.
   * @default 10 batch intervals
   */
  readonly drainMs?: number;
  /**
   * Whether operators by key fail with a `ForeignKeyError` when they meet a key that belongs to another task: each task would have a part
   * of its result. `'unchecked'` where the topic is partitioned in another way.
   * @default 'checked'
   */
  readonly keys?: 'checked' | 'unchecked';
  /**
   * The partition of a key, as the topics are written.
   * @default kafkaPartitioner
   */
  readonly partitioner?: Partitioner<Key>;
}

/** What the tasks of a log take. */
export type LogTasksOptions<T, C extends Checkpoint | undefined = undefined> = TaskOptions<C> &
  Omit<LogSourceOptions<T>, 'partitions' | 'groupId' | 'until' | 'topics'> &
  Required<Pick<LogSourceOptions<T>, 'topics'>> &
  Omit<DriverOptions, 'checkpoint'>;

type Checked = LogTasksOptions<never, Checkpoint | undefined>;

const { partitions: _, until: __, ...sourceChecks } = logSourceChecks;

/** What each option must be. */
export const logTasksChecks: OptionChecks<Checked> = {
  ...driverChecks,
  ...sourceChecks,
  ...membershipChecks,
  topics: required(logSourceChecks.topics as never),
  groupId: required(checkText),
  checkpoint: checkFunction,
  drainMs: checkNonNegative,
  keys: oneOf('checked', 'unchecked'),
  partitioner: checkFunction,
};

/** The options with their defaults. */
export interface ResolvedTaskOptions<T, C extends Checkpoint | undefined> {
  readonly driver: ResolvedDriverOptions;
  readonly source: ResolvedLogSourceOptions<T>;
  readonly host: TaskHostOptions;
  readonly groupObserver: MembershipOptions['groupObserver'];
  readonly checkpoint: ((task: TaskInfo) => C) | undefined;
  /** Absent where keys are not checked. */
  readonly partitioner: Partitioner<Key> | undefined;
}

/** For the rules on options that need a checkpoint: each task has another one. */
const someCheckpoint: Checkpoint = { location: 'of each task', open: () => EMPTY };

/**
 * The options with their defaults. The public function has checked each by itself, with `logTasksChecks`.
 *
 * @throws {InvalidOptionError} naming the owner, the option, its value and the rule
 */
export function resolveTaskOptions<T, C extends Checkpoint | undefined>(
  owner: string,
  options: LogTasksOptions<T, C>,
  retryTimeout: number,
  processId: string,
): ResolvedTaskOptions<T, C> {
  const { checkpoint, drainMs, keys = 'checked', partitioner = kafkaPartitioner, ...rest } = options;
  const { interval, groupId, topics, discoverInterval = 30_000, scheduler = asyncScheduler } = options;
  const { instanceId, sessionTimeout, heartbeatInterval, groupObserver } = resolveMembershipOptions(owner, options);
  return {
    driver: {
      ...resolveDriverOptions(owner, { ...rest, ...(checkpoint && { checkpoint: someCheckpoint }) }),
      checkpoint: undefined,
    },
    source: resolveLogSourceOptions(owner, rest),
    host: {
      owner,
      interval,
      drainMs: drainMs ?? 10 * interval,
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
