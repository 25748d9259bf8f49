import {
  type Batch,
  type Checkpoint,
  type CheckpointSession,
  FencedError,
  foreachPartition,
  type GroupEvent,
  type LogClient,
  type LogTasksOptions,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type OpenOptions,
  ProtocolError,
  type Task,
  type TaskStream,
  updateStateByKey,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import {
  concat,
  defer,
  delay,
  from,
  ignoreElements,
  map,
  mergeMap,
  NEVER,
  type Observable,
  type ObservableInput,
  of,
  retry,
  type SchedulerLike,
  Subscription,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { CheckpointError } from '../../src/batch/errors.js';
import type { GroupMembership } from '../../src/batch/groupMembership.js';
import type { GroupClient } from '../../src/sources/group/groupClient.js';
import { mayCommitInNext } from '../../src/sources/kafka/kafkajs/mayCommitInNext.js';
import type { StandbyOptions } from '../../src/sources/tasks/standbyOptions.js';
import { logLike } from './logLike.js';
import { logTasksWithStandbys } from './logTasksWithStandbys.js';
import { StoppableProcess } from './stoppableProcess.js';
import type { TaskCopies } from './taskCopies.js';

export const interval = 100;
export const sessionTimeout = 1_000;
const groupId = 'job';

type Options = Partial<LogTasksOptions<string, Checkpoint> & StandbyOptions> & {
  /** The copies of checkpoints that a process keeps. Default: it keeps none, unless `checkpoint` does. */
  readonly copies?: (process: StoppableProcess) => TaskCopies;
};
type Tasks = TaskStream<Task<string, Checkpoint>>;
/** How often methods of a log were called. */
type Counts = Partial<Record<'commit' | 'offsets' | 'partitions', number>>;
/** What goes wrong the next time that a process takes a step: it takes `lasts` ms longer, and then fails, where it does. */
export interface Trouble {
  readonly step: 'open' | 'plan' | 'save' | 'close' | 'join' | 'sync' | 'heartbeat';
  readonly lasts: number;
  readonly fails: 'not' | 'fenced' | 'broken';
}
export type Work = (task: Task<string, Checkpoint>, life: TaskProcess) => Observable<unknown>;

/** What a batch of a task has written, by the id of the partition: a batch that is done again replaces it. */
export type Written = Map<string, readonly string[]>;

/** A log, a group and the checkpoints of its tasks, for processes in virtual time. */
export class TaskCluster {
  readonly scheduler: SchedulerLike;
  readonly log;
  readonly group;
  readonly checkpoints = new Map<string, Checkpoint>();
  readonly written: Written = new Map();
  readonly events: (GroupEvent & { readonly process: string })[] = [];
  /** How long an answer of the group takes, in ms. */
  readonly latency: number;
  /** How long a request to a checkpoint is under way, in ms: it arrives whatever has become of the process that sent it. */
  readonly storeLatency: number;
  /** Whether the broker that coordinates the group is gone, and no other has its place. */
  coordinatorIsAway = false;
  readonly #keys: number;
  #sent = 0;

  constructor(scheduler: SchedulerLike, partitions = 4, keys = 12, latency = 0, storeLatency = 0) {
    this.latency = latency;
    this.storeLatency = storeLatency;
    this.scheduler = scheduler;
    this.#keys = keys;
    this.log = memoryLog({ topics: { words: partitions }, scheduler });
    this.group = memoryGroup({ log: this.log, scheduler });
  }

  get sent(): number {
    return this.#sent;
  }

  /** Appends `count` records, `each` every interval. The value is the number of the record, the key follows from it. */
  send(count: number, each = 3): void {
    const end = this.#sent + count;
    const next = (): void => {
      const values = Array.from({ length: Math.min(each, end - this.#sent) }, () => this.#sent++);
      this.log.append(
        'words',
        values.map((value) => ({ key: keyOf(value, this.#keys), value: String(value) })),
      );
      if (this.#sent < end) this.scheduler.schedule(next, interval);
    };
    next();
  }

  checkpointOf = (id: string): Checkpoint => {
    const known = this.checkpoints.get(id) ?? memoryCheckpoint();
    this.checkpoints.set(id, known);
    return known;
  };

  /** A client of the group, as long as there is a coordinator. */
  groupClient(): GroupClient {
    const client = this.group.client();
    const ask = <A>(question: () => ObservableInput<A>) =>
      defer(() => (this.coordinatorIsAway ? throwError(() => away('Heartbeat')) : question()));
    return {
      ...client,
      join: (request) => ask(() => client.join(request)),
      sync: (membership, assignments) => ask(() => client.sync(membership, assignments)),
      heartbeat: (membership) => ask(() => client.heartbeat(membership)),
      leave: (membership) => ask(() => client.leave(membership)),
    };
  }

  /** A log whose commits are checked as a broker checks them. */
  client(counts: Counts, process: StoppableProcess): LogClient {
    const { log, group } = this;
    const count = (method: keyof Counts): void => {
      counts[method] = (counts[method] ?? 0) + 1;
    };
    return logLike(log, {
      // Tried again while the group rebalances, and while it has no coordinator, as the client of Kafka does.
      commit: (id, positions, member) => {
        let used: GroupMembership | undefined;
        const isOver = (error: unknown) =>
          error instanceof ProtocolError && mayCommitInNext(error.kafkaError, used, member?.());
        const again = (error: unknown) =>
          isTransient(error) || isOver(error) ? timer(20, process) : throwError(() => error);
        return process
          .send(['commit:before', 'commit:after'], () => {
            count('commit');
            if (this.coordinatorIsAway) throw away('OffsetCommit');
            used = member?.();
            group.checkCommit(id, used);
            return log.commit(id, positions);
          })
          .pipe(retry({ delay: again }));
      },
      offsets: (partitions, point) => {
        count('offsets');
        return log.offsets(partitions, point);
      },
      partitions: (topics) => {
        count('partitions');
        return log.partitions(topics);
      },
    });
  }

  /** `counts` counts the calls of methods of its log. */
  start(name: string, options: Options = {}, work: Work = countAndWrite, counts: Counts = {}): TaskProcess {
    return new TaskProcess(this, name, options, work, counts);
  }

  at(time: number, work: () => void): void {
    this.scheduler.schedule(work, time - this.scheduler.now());
  }

  /** The records that were written, each as often as it was. */
  get records(): readonly number[] {
    return [...this.written.values()]
      .flat()
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The count of each key, as it is saved. Whoever works on the tasks is fenced. */
  get totals(): ReadonlyMap<string, number> {
    const totals = new Map<string, number>();
    for (const checkpoint of this.checkpoints.values()) {
      from(checkpoint.open()).subscribe(({ restored }) => {
        for (const [key, count] of restored?.state('counts')?.entries() ?? []) totals.set(String(key), Number(count));
      });
    }
    return totals;
  }

  /** What `totals` should be. */
  get expectedTotals(): ReadonlyMap<string, number> {
    const expected = new Map<string, number>();
    for (let value = 0; value < this.#sent; value++) {
      const key = keyOf(value, this.#keys);
      expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    return expected;
  }

  /** By process, the tasks that it has by its events. */
  tasksOf(process: string): readonly string[] {
    const tasks = new Set<string>();
    for (const event of this.events) {
      if (event.process !== process) continue;
      for (const id of event.tasks) {
        if (event.type === 'assigned') tasks.add(id);
        if (event.type === 'released' || event.type === 'lost') tasks.delete(id);
      }
    }
    return [...tasks].sort();
  }
}

const away = (request: string) => new ProtocolError(request, 'COORDINATOR_NOT_AVAILABLE', true);

const isTransient = (error: unknown) =>
  error instanceof ProtocolError && ['REBALANCE_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'].includes(error.kafkaError);

const keyOf = (value: number, keys: number): string => `key-${value % keys}`;

/** Writes the records by id, and keeps the count of each key as state. */
export function countAndWrite(task: Observable<Batch<string>>, { cluster, process }: TaskProcess): Observable<unknown> {
  const write = (id: string, records: readonly string[]) => of(cluster.written.set(id, records));
  return task.pipe(
    foreachPartition(({ records }, { id }) =>
      records.length > 0 ? process.send(['output:before', 'output:after'], () => write(id, records)) : undefined,
    ),
    mapRecords((value) => [keyOf(Number(value), 12), 1] as const),
    updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0), { id: 'counts' }),
    foreachPartition(() => {}),
  );
}

/** The points at which a process hears of its tasks. */
const groupPoints: Partial<Record<GroupEvent['type'], string>> = {
  assigned: 'task:assigned',
  releasing: 'group:before-release',
  released: 'group:drained',
};

/** A process that works on tasks, and can be stopped and killed. */
export class TaskProcess {
  readonly cluster: TaskCluster;
  readonly name: string;
  readonly process: StoppableProcess;
  readonly tasks: Tasks;
  readonly copies: TaskCopies | undefined;
  error: unknown;
  completed = false;
  batches = 0;
  /** The ids of the tasks whose streams have completed. */
  readonly given: string[] = [];
  readonly #subscription = new Subscription();
  readonly #troubles: Trouble[] = [];

  constructor(cluster: TaskCluster, name: string, { copies, ...options }: Options, work: Work, counts: Counts) {
    this.cluster = cluster;
    this.name = name;
    this.process = new StoppableProcess(cluster.scheduler);
    this.copies = copies?.(this.process);
    const group = { client: () => this.process.connected(this.#troubled(cluster.groupClient()), cluster.latency) };
    this.tasks = logTasksWithStandbys<string, Checkpoint>(cluster.client(counts, this.process), group, {
      topics: ['words'],
      groupId,
      start: 'earliest',
      interval,
      deserialize: (view) => view.valueText() ?? '',
      checkpoint: ({ id }) => this.#remote(id),
      sessionTimeout,
      heartbeatInterval: 100,
      drainMs: 500,
      // A virtual clock keeps and sorts timers that were cancelled.
      stepTimeout: Infinity,
      outputTimeout: Infinity,
      discoverInterval: 500,
      groupObserver: { next: (event) => this.#happened(event) },
      ...options,
      scheduler: this.process,
    });
    this.#subscription.add(
      this.tasks
        .pipe(mergeMap((task) => work(task, this).pipe(tap({ complete: () => this.given.push(task.task.id) }))))
        .subscribe({
          next: () => this.batches++,
          error: (error: unknown) => {
            this.error = error;
          },
          complete: () => {
            this.completed = true;
          },
        }),
    );
  }

  #happened(event: GroupEvent): void {
    this.cluster.events.push({ ...event, process: this.name });
    const point = groupPoints[event.type];
    if (point) this.process.reach(point);
  }

  /** What the next step of that kind meets. */
  meets(trouble: Trouble): void {
    this.#troubles.push(trouble);
  }

  /** A checkpoint that this process reaches by requests. */
  #remote(id: string): Checkpoint {
    const checkpoint = this.cluster.checkpointOf(id);
    const { copies } = this;
    const remote = ({ restored, encode, plan, save, close }: CheckpointSession): CheckpointSession => ({
      ...{ restored, encode },
      plan: (batch) => this.#stored('plan', ['plan:before', 'plan:after'], () => plan(batch)),
      save: (batch) => this.#stored('save', ['save:before', 'save:after'], () => save(batch)),
      close: () => this.#stored('close', ['close:before', 'close:after'], close),
    });
    const { location } = checkpoint;
    const open = (how?: OpenOptions) => {
      copies?.taken(id);
      return from(checkpoint.open(how)).pipe(map(remote));
    };
    return {
      location,
      ...(copies && { copies: copies.of(id) }),
      open: (how) => this.#stored('open', ['task:before-open', 'task:opened'], () => open(how)),
    };
  }

  #stored<A>(step: Trouble['step'], points: readonly [string, string], work: () => ObservableInput<A>): Observable<A> {
    const { lasts, fails } = this.#take(step);
    if (lasts === Infinity) return NEVER;
    const done = this.process.send(points, work, (step === 'close' ? 0 : this.cluster.storeLatency) + lasts);
    if (fails === 'not') return done;
    const error = fails === 'fenced' ? new FencedError('memory') : new CheckpointError('memory', step, {});
    // What fails may have been done.
    return concat(
      done.pipe(ignoreElements()),
      throwError(() => error),
    );
  }

  /** A client of the group that asks late, or is refused. */
  #troubled(client: GroupClient): GroupClient {
    const asked = <A>(step: Trouble['step'], question: () => ObservableInput<A>): Observable<A> =>
      defer(() => {
        const { lasts, fails } = this.#take(step);
        if (fails !== 'not') return throwError(() => new ProtocolError(step, 'REBALANCE_IN_PROGRESS', true));
        return lasts > 0 ? from(question()).pipe(delay(lasts, this.cluster.scheduler)) : question();
      });
    return {
      ...client,
      join: (request) => asked('join', () => client.join(request)),
      sync: (membership, assignments) => asked('sync', () => client.sync(membership, assignments)),
      heartbeat: (membership) => asked('heartbeat', () => client.heartbeat(membership)),
    };
  }

  #take(step: Trouble['step']): Pick<Trouble, 'lasts' | 'fails'> {
    const index = this.#troubles.findIndex((trouble) => trouble.step === step);
    return this.#troubles.splice(index, index < 0 ? 0 : 1)[0] ?? { lasts: 0, fails: 'not' };
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe();
  }
}
