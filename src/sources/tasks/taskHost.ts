import {
  concat,
  defer,
  EMPTY,
  from,
  last,
  map,
  mergeMap,
  type Observable,
  type SchedulerLike,
  Subscription,
  tap,
} from 'rxjs';
import { InvalidOptionError, UnclaimedBatchError } from '../../batch/errors.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import type { StopReport } from '../../driver/stopReport.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { GroupClient } from '../group/groupClient.js';
import { GroupMember } from '../group/groupMember.js';
import { type GroupTask, taskPerPartition } from '../group/groupTask.js';
import type { GroupMemberEvents } from '../group/memberEvents.js';
import type { GroupMemberOptions } from '../group/memberOptions.js';
import { isSelected } from '../log/isSelected.js';
import type { LogClient } from '../log/logClient.js';
import { AssignedTask } from './assignedTask.js';
import type { StandbyTasks, StandbyTasksOwner } from './standbyTasks.js';
import type { TaskView } from './taskClient.js';

/** Members that divide the tasks of their group among them use a protocol of its own. */
const protocol = 'dstream-1';

/** What a host needs to know. Times in ms. */
export interface TaskHostOptions {
  readonly member: Omit<GroupMemberOptions, 'layout' | 'protocol' | 'drainMs'>;
  /** The function that took the options, for messages. */
  readonly owner: string;
  readonly interval: number;
  readonly drainMs: number;
  readonly keysChecked: boolean;
  readonly refusesUnclaimed: boolean;
  /** Makes what keeps copies of checkpoints for other processes. Default: nothing does. */
  readonly newStandbys?: ((owner: StandbyTasksOwner, scheduler: SchedulerLike) => StandbyTasks) | undefined;
}

/** What a host tells the subscriber. */
export interface TaskHostOutput {
  /** A task is to be worked on. */
  next(task: AssignedTask, view: TaskView): void;
  error(error: unknown): void;
  complete(): void;
  /** A task has been subscribed to. */
  opened(task: TaskInfo): void;
  /** Nothing of a task is open any more. */
  closed(task: TaskInfo): void;
  happened: GroupMemberEvents['happened'];
  /** The checkpoint of a task, of whatever process. */
  checkpointOf(task: TaskInfo): Checkpoint | undefined;
}

/** What stopping did, by the id of the task. */
export type TaskReports = ReadonlyMap<string, StopReport>;

/**
 * A process among those that share the tasks of a group: emits the tasks that it is assigned, and has them drained or aborted when
 * they go to another process. A task is emitted again when nothing of its former life is open, or when that is overdue and left behind:
 * subscribers that hang may then run beside its new life, and what they save is fenced.
 */
export class TaskHost {
  readonly #options: TaskHostOptions;
  readonly #log: Pick<LogClient, 'connect' | 'partitions' | 'committed' | 'close'>;
  readonly #output: TaskHostOutput;
  readonly #member: GroupMember;
  readonly #standbys: StandbyTasks | undefined;
  /** What is assigned to this process and not given out yet, or to be given out again. */
  readonly #pending = new Map<string, GroupTask>();
  readonly #assigned = new Map<string, { readonly task: GroupTask; readonly given: AssignedTask }>();
  /** Whatever has something open, whether it is still assigned to this process or not. */
  readonly #open = new Map<string, AssignedTask>();
  /** The tasks whose checkpoints are open here, or being opened: also of lives that were left behind. */
  readonly #checkpoints = new Set<{ readonly id: string }>();
  /** Tasks that are given out again, since there is another number of them. */
  readonly #again = new Set<string>();
  readonly #work = new Subscription();
  #state: 'new' | 'preparing' | 'ready' = 'new';
  #isGivingOut = false;
  #count = 0;
  /** What was there when this process was first assigned something. */
  #first: { readonly partitions: number; readonly readTopics: ReadonlySet<string> } | undefined;
  #ending: (() => void) | undefined;
  #ended = false;
  readonly #stopped: ((reports: TaskReports) => void)[] = [];
  readonly #reports = new Map<string, StopReport>();

  constructor(
    log: Pick<LogClient, 'connect' | 'partitions' | 'committed' | 'close'>,
    group: GroupClient,
    options: TaskHostOptions,
    output: TaskHostOutput,
  ) {
    this.#log = log;
    this.#options = options;
    this.#output = output;
    this.#standbys = options.newStandbys?.(this.#standbyOwner(), options.member.scheduler);
    this.#member = new GroupMember(
      group,
      { ...options.member, protocol, layout: taskPerPartition, drainMs: options.drainMs },
      {
        counted: (tasks) => this.#counted(tasks),
        assigned: (added) => {
          if (!this.#isOfThisJob(added)) return;
          for (const task of added) {
            this.#pending.set(task.id, task);
            this.#standbys?.taken(task.id);
          }
          this.#prepare();
          this.#giveOut();
        },
        release: (tasks) => {
          for (const { id } of tasks) this.#release(id);
        },
        lost: (tasks) => {
          for (const { id } of tasks) this.#lose(id);
        },
        overdue: ({ id }) => this.#leaveBehind(id),
        failed: (error) => this.#end(() => this.#output.error(error)),
        happened: (event) => output.happened(event),
        ...(this.#standbys && { copies: this.#standbys }),
      },
    );
  }

  #standbyOwner(): StandbyTasksOwner {
    return {
      checkpointOf: (task) => this.#output.checkpointOf(task),
      isBusy: (id) => this.#isBusy(id),
      isOpen: (id) => [...this.#checkpoints].some((open) => open.id === id),
      closed: () => {
        this.#giveOut();
        this.#leaveWhenClosed();
      },
      happened: (type, id, more) => this.#member.tell(type, id, more),
    };
  }

  start(): void {
    this.#member.start();
  }

  /** Unsubscribed: aborts what is open, and leaves the group. */
  close(): void {
    this.#end(() => {});
  }

  /** Finishes the batches that are open, leaves the group, completes, and then calls `stopped`. */
  stop(drainTimeout: number, stopped: (reports: TaskReports) => void): void {
    if (this.#ended) {
      stopped(new Map());
      return;
    }
    this.#stopped.push(stopped);
    if (this.#ending) return;
    this.#ending = () => this.#output.complete();
    this.#pending.clear();
    this.#standbys?.close();
    for (const [id, { given }] of [...this.#assigned]) {
      given.release(drainTimeout, (report) => this.#reports.set(id, report));
    }
    this.#leaveWhenClosed();
  }

  // ---- what the group says

  /** The leader assigns what it reads by itself: of another job, this one would read none of it, and nobody its own topics. */
  #isOfThisJob(tasks: readonly GroupTask[]): boolean {
    const { owner, member } = this.#options;
    const places = tasks.flatMap(({ partitions }) => partitions);
    const other = places.find(({ topic }) => !isSelected(topic, member.topics));
    if (!other) return true;
    const rule = `is that of a job that reads ${other.topic}: each job needs its own`;
    this.#end(() => this.#output.error(new InvalidOptionError(owner, 'groupId', member.groupId, rule)));
    return false;
  }

  #counted(tasks: number): void {
    if (tasks === 0) return;
    const changed = this.#count !== 0 && this.#count !== tasks;
    this.#count = tasks;
    if (!changed) return;
    // With another number of partitions, keys are in other partitions.
    for (const [id, { given }] of [...this.#assigned]) {
      this.#again.add(id);
      given.release();
    }
  }

  #release(id: string): void {
    this.#again.delete(id);
    const assigned = this.#assigned.get(id);
    if (this.#pending.delete(id)) this.#member.released(id);
    else if (assigned) assigned.given.release();
    else if (!this.#ending) this.#member.released(id);
  }

  /** Its release does not end: what is open of it is aborted, and not waited for. */
  #leaveBehind(id: string): void {
    const assigned = this.#assigned.get(id);
    if (assigned && this.#open.get(id) === assigned.given) {
      this.#open.delete(id);
      this.#output.closed(assigned.given.info);
    }
    this.#lose(id);
    this.#leaveWhenClosed();
  }

  #lose(id: string): void {
    this.#again.delete(id);
    this.#pending.delete(id);
    const assigned = this.#assigned.get(id);
    this.#assigned.delete(id);
    assigned?.given.end();
  }

  // ---- giving out

  /** Before the first task: connects, and finds out what the group has read. */
  #prepare(): void {
    if (this.#state !== 'new' || this.#ending) return;
    this.#state = 'preparing';
    const { topics, groupId } = this.#options.member;
    const prepared = concat(
      defer(() => this.#log.connect()),
      defer(() => this.#log.partitions(topics)).pipe(
        last(),
        tap((partitions) => this.#checkCounts(partitions)),
        mergeMap((partitions) =>
          from(this.#log.committed(groupId, partitions)).pipe(
            last(),
            map((committed) => ({ partitions, readTopics: new Set(committed.map(({ topic }) => topic)) })),
          ),
        ),
        tap(({ partitions, readTopics }) => {
          this.#first = { partitions: taskPerPartition(partitions).length, readTopics };
        }),
      ),
    );
    this.#work.add(
      prepared.subscribe({
        error: (error: unknown) => this.#end(() => this.#output.error(error)),
        complete: () => {
          this.#state = 'ready';
          this.#giveOut();
        },
      }),
    );
  }

  /** Records with one key are in one task only if the topics have as many partitions. */
  #checkCounts(partitions: readonly TopicPartition[]): void {
    if (!this.#options.keysChecked) return;
    const counts = new Map<string, number>();
    for (const { topic } of partitions) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    if (new Set(counts.values()).size <= 1) return;
    const found = [...counts].map(([topic, count]) => `${topic} has ${count}`).join(', ');
    const { owner, member } = this.#options;
    const rule = `must have the same number of partitions, so that a key is in one task: ${found}; or set keys: 'unchecked'`;
    throw new InvalidOptionError(owner, 'topics', member.topics, rule);
  }

  /** One after the other, also where the subscriber leaves one as it gets the next. */
  #giveOut(): void {
    if (this.#isGivingOut) return;
    this.#isGivingOut = true;
    try {
      for (let task = this.#next(); task; task = this.#next()) {
        this.#pending.delete(task.id);
        this.#give(task);
      }
    } finally {
      this.#isGivingOut = false;
    }
  }

  #next(): GroupTask | undefined {
    if (this.#state !== 'ready' || this.#ending) return undefined;
    for (const [id, task] of this.#pending) {
      if (!this.#open.has(id) && !this.#standbys?.isOpen(id)) return task;
    }
    return undefined;
  }

  #give(task: GroupTask): void {
    const { id, partitions } = task;
    const partition = Number(id);
    const info: TaskInfo = { id, partition, of: this.#count, partitions };
    const { drainMs, member } = this.#options;
    const limits = { drainMs, patience: member.sessionTimeout, scheduler: member.scheduler };
    const given: AssignedTask = new AssignedTask(info, this.#member, limits, {
      opened: () => {
        // Who still subscribes to one that was given away does not work on it.
        if (this.#assigned.get(id)?.given !== given) return;
        this.#open.set(id, given);
        this.#output.opened(info);
      },
      opens: () => this.#opens(info),
      released: () => {
        if (this.#assigned.get(id)?.given === given) this.#released(task);
      },
      closed: () => {
        if (this.#open.get(id) !== given) return;
        this.#open.delete(id);
        this.#output.closed(info);
        this.#giveOut();
        this.#standbys?.freed(info);
        this.#leaveWhenClosed();
      },
    });
    this.#assigned.set(id, { task, given });
    const first = this.#first;
    const isAdded = (topic: string) =>
      first !== undefined && (first.readTopics.has(topic) || partition >= first.partitions);
    this.#output.next(given, { partition, isAdded });
    if (this.#options.refusesUnclaimed) given.expectClaim(this.#options.interval, () => this.#unclaimed(id));
    else given.expectClaim();
  }

  #isBusy(id: string): boolean {
    return this.#pending.has(id) || this.#assigned.has(id) || this.#open.has(id);
  }

  #opens(info: TaskInfo): () => void {
    const open = { id: info.id };
    this.#checkpoints.add(open);
    return () => {
      this.#checkpoints.delete(open);
      if (!this.#isBusy(info.id)) this.#standbys?.freed(info);
    };
  }

  /** A task without a subscriber would make no progress. */
  #unclaimed(id: string): void {
    const error = new UnclaimedBatchError(this.#options.member.scheduler.now(), `task ${id}`);
    this.#end(() => this.#output.error(error));
  }

  #released(task: GroupTask): void {
    const { id } = task;
    this.#assigned.delete(id);
    if (this.#ending) this.#leaveWhenClosed();
    else if (this.#again.delete(id)) {
      this.#pending.set(id, task);
      this.#giveOut();
    } else this.#member.released(id);
  }

  // ---- ending

  #end(notify: () => void): void {
    this.#ending ??= notify;
    this.#pending.clear();
    this.#standbys?.close();
    for (const [, { given }] of [...this.#assigned]) given.end();
    this.#assigned.clear();
    this.#leaveWhenClosed();
  }

  #leaveWhenClosed(): void {
    const notify = this.#ending;
    if (!notify || this.#ended || this.#open.size > 0 || this.#assigned.size > 0) return;
    if (this.#standbys && this.#standbys.size > 0) return;
    this.#ended = true;
    this.#work.unsubscribe();
    const left = (): void => {
      notify();
      for (const stopped of this.#stopped) stopped(this.#reports);
    };
    const closeLog: Observable<unknown> = this.#state === 'new' ? EMPTY : defer(() => this.#log.close());
    concat(this.#member.leave(), closeLog).subscribe({ error: left, complete: left });
  }
}
