import {
  concat,
  defer,
  EMPTY,
  from,
  ignoreElements,
  last,
  map,
  mergeMap,
  Observable,
  type ObservableInput,
  of,
  type SchedulerLike,
  Subscription,
  timeout,
  timer,
} from 'rxjs';
import { backOff, scheduleAfter } from '../../backpressure/longDelay.js';
import { DStreamError, FencedError, ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { assignTasks, type TaskClaims } from './assignTasks.js';
import type { GroupAssignment, GroupClient, JoinAnswer } from './groupClient.js';
import { type GroupTask, samePartitions, type TaskLayout } from './groupTask.js';
import { joinMarginMs } from './joinMargin.js';
import type { StandbyClaims } from './taskCopies.js';

/** What a member needs to know. Times in ms. */
export interface GroupMemberOptions {
  readonly groupId: string;
  readonly instanceId: string | undefined;
  /** Members of one group must have the same name of the protocol. */
  readonly protocol: string;
  readonly topics: readonly (string | RegExp)[];
  readonly layout: TaskLayout;
  readonly processId: string;
  readonly sessionTimeout: number;
  readonly heartbeatInterval: number;
  /** How often the leader looks for new partitions. */
  readonly discoverInterval: number;
  /** How long the first join is tried. */
  readonly retryTimeout: number;
  /** How long what is open of a task may take when it is to be given away. */
  readonly drainMs: number;
  readonly scheduler: SchedulerLike;
}

/** What a member tells its owner. It is called synchronously, and may call the member. */
export interface GroupMemberEvents {
  /** The group has this many tasks, by the assignment that has arrived; called before the other methods hear of that. */
  counted?(tasks: number): void;
  /** The tasks are this member's. `tasks` is how many there are in the group. */
  assigned(added: readonly GroupTask[], tasks: number): void;
  /** The tasks are to be given away: `released` is to be called for each when it is drained. */
  release(tasks: readonly GroupTask[]): void;
  /** The tasks may be another member's now: nothing is to be drained. */
  lost(tasks: readonly GroupTask[]): void;
  /** The task was to be given away, and this has not ended: from now on it counts as given away, and nothing more may be done for it. */
  overdue(task: GroupTask): void;
  /** Nothing can be done: the member has lost all and does not go on. */
  failed(error: unknown): void;
  happened(event: GroupEvent): void;
  /** Where copies of checkpoints are kept. Default: this member keeps none. */
  readonly copies?: MemberCopies;
}

/** The copies of checkpoints that a member keeps. */
export interface MemberCopies {
  /** Looks once, before the first join, which copies of these tasks are there. */
  look(tasks: readonly GroupTask[]): ObservableInput<unknown>;
  claims(): StandbyClaims | undefined;
  /** For the leader: how good the copies of a member are, by the id of the task, and who is to keep some, by the id of the member. */
  ranks(claims: StandbyClaims): ReadonlyMap<string, number>;
  place(
    assigned: ReadonlyMap<string, readonly string[]>,
    members: readonly TaskClaims[],
    tasks: readonly string[],
  ): ReadonlyMap<string, readonly string[]>;
  /** Copies of the checkpoints of these tasks, and of no others, are to be kept up to date. */
  keep(tasks: readonly GroupTask[], tasksInAll: number): void;
}

/** What an event says beside who it is about. */
export type EventFacts = Pick<GroupEvent, 'late' | 'step' | 'lasts' | 'behind' | 'error'>;

/** Events of tasks that this member holds. */
type OfHeldTask = 'fenced' | 'reopened';
/** Events of other tasks, too. */
export type OfTask = 'stuck' | 'standby' | 'standby-behind' | 'standby-ended';

interface HeldTask {
  readonly task: GroupTask;
  /** Whether it is assigned to this member in the present generation. */
  assigned: boolean;
  /** Whether its owner is draining it, and whether it has done so. */
  releasing: boolean;
  released: boolean;
}

/** Pauses between the attempts of a request that may succeed another time. */
const pauses = { delay: 100, maxDelay: 1_000 } as const;
/** How long leaving the group may take: without it the others wait for the end of the session. */
const leaveTimeoutMs = 5_000;

/**
 * A member of a group, by Kafka's classic protocol, cooperative: it keeps what it holds while the group rebalances, and releases what the
 * leader assigns to nobody. The leader is one of the members.
 *
 *     join ──all joined──> sync ──assignment──> heartbeats ──"rebalance"──> join
 *       ^                                           │ refused, or no answer for a session
 *       └──────────────── all is lost ──────────────┘
 */
export class GroupMember {
  readonly #client: GroupClient;
  readonly #options: GroupMemberOptions;
  readonly #events: GroupMemberEvents;
  readonly #since: number;
  readonly #held = new Map<string, HeldTask>();
  /** Called when it is known whether a task is held: the group has answered, or all is lost. */
  #asking: { readonly id: string; readonly answer: (held: boolean) => void }[] = [];
  /** The request under way, and the pause before the next one. */
  #request = new Subscription();
  #fence = new Subscription();
  #watch = new Subscription();
  /** Open as long as the heartbeat of `renew` is not on its way. */
  #sending = Subscription.EMPTY;
  #rejoin = Subscription.EMPTY;
  /** How long tasks may take to be given away. */
  #limits = new Subscription();
  #memberId = '';
  /** Whether the present assignment may be the one that this static member had before. */
  #isBack = false;
  #generation = -1;
  /** What the last join claimed to hold: the leader assigns it to no other member. */
  #claimed: readonly string[] = [];
  /** The generation in which this member was assigned what it holds. */
  #assignedIn = -1;
  /** How many tasks there are in the group. */
  #tasks = 0;
  #state: 'idle' | 'joining' | 'stable' | 'left' = 'idle';
  /** When the last heartbeat was sent, or what counts as one. */
  #beatAt = 0;
  /** When the last request was sent that the group has answered. */
  #answeredAt = 0;
  #failures = 0;
  /** All partitions, as the leader knew them when it assigned. */
  #known: readonly TopicPartition[] | undefined;

  constructor(client: GroupClient, options: GroupMemberOptions, events: GroupMemberEvents) {
    this.#client = client;
    this.#options = options;
    this.#events = events;
    this.#since = options.scheduler.now();
  }

  start(): void {
    this.#state = 'joining';
    this.#answeredAt = this.#now;
    this.#attempt(
      () => concat(from(this.#client.connect()), this.#lookForCopies()),
      () => this.#join(),
      () => this.start(),
    );
  }

  /** Who commits the offsets of a task now; `undefined` when it is not this member's. */
  membership(id: string): GroupMembership | undefined {
    const held = this.#held.get(id);
    return held && !held.released && this.#memberId !== '' ? this.#identity : undefined;
  }

  /** Asks the group whether a task is still this member's. Completes with the answer. */
  confirm(id: string): Observable<boolean> {
    return new Observable((subscriber) => {
      const answer = (held: boolean) => {
        subscriber.next(held);
        subscriber.complete();
      };
      if (!this.membership(id)) {
        answer(false);
        return undefined;
      }
      const asked = { id, answer };
      this.#asking.push(asked);
      if (this.#state === 'stable') this.#beat();
      return () => {
        this.#asking = this.#asking.filter((one) => one !== asked);
      };
    });
  }

  /**
   * Before something that may block this thread: sends a heartbeat unless the last one is recent, and completes when it is on its way, which takes
   * a client until the next turn. Where another thread sends them, there is nothing to do.
   */
  renew(): Observable<never> {
    const { scheduler, heartbeatInterval } = this.#options;
    if (this.#state !== 'stable' || this.#client.answeredAt) return EMPTY;
    const nextTurn = timer(0, scheduler).pipe(ignoreElements());
    if (this.#now - this.#beatAt >= heartbeatInterval / 2) {
      this.#beat();
      this.#sending = nextTurn.subscribe();
    }
    return this.#sending.closed ? EMPTY : nextTurn;
  }

  /** Something has happened to a task that only its owner sees. */
  tell(type: OfHeldTask | OfTask, id: string, more: EventFacts = {}): void {
    const mustBeHeld = type === 'fenced' || type === 'reopened';
    if (!mustBeHeld || this.#held.has(id)) this.#happened(type, [id], more);
  }

  /** A task is drained: another member may have it. */
  released(id: string): void {
    const held = this.#held.get(id);
    if (!held?.releasing || held.released) return;
    held.released = true;
    this.#happened('released', [id]);
    // While a join is under way the group still thinks that it is held: what comes of it is seen when it is answered.
    if (this.#state !== 'stable') return;
    if (held.assigned) this.#assignAgain(held);
    else this.#letGo();
  }

  /** Leaves the group, unless the member is static, and closes the client. Nothing is drained. */
  leave(): Observable<never> {
    return defer(() => {
      if (this.#state === 'left') return EMPTY;
      const identity = this.#memberId === '' || this.#options.instanceId !== undefined ? undefined : this.#identity;
      this.#end();
      const leaving = identity ? from(this.#client.leave(identity)) : EMPTY;
      const { scheduler } = this.#options;
      const left = leaving.pipe(timeout({ each: leaveTimeoutMs, with: () => EMPTY, scheduler }));
      return concat(quietly(left), quietly(defer(() => this.#client.close())));
    });
  }

  // ---- joining

  #lookForCopies(): Observable<unknown> {
    const { copies } = this.#events;
    const { topics, layout } = this.#options;
    if (!copies) return EMPTY;
    return defer(() => from(this.#client.partitions(topics))).pipe(
      last(),
      mergeMap((partitions) => copies.look(layout(partitions))),
    );
  }

  #join(): void {
    if (this.#state === 'left') return;
    this.#state = 'joining';
    this.#rejoin.unsubscribe();
    this.#watch.unsubscribe();
    const { groupId, instanceId, protocol, topics, sessionTimeout, processId } = this.#options;
    for (const [id, { released }] of this.#held) if (released) this.#held.delete(id);
    this.#claimed = [...this.#held.keys()];
    const owned = [...this.#held.values()].flatMap(({ task }) => task.partitions);
    const subscription = {
      topics: topics.filter((topic) => typeof topic === 'string'),
      processId,
      since: this.#since,
      owned,
      // Also without partitions: a broker ignores a join that says the same as the one before.
      generation: this.#assignedIn,
      standby: this.#events.copies?.claims(),
    };
    const request = {
      ...{ groupId, memberId: this.#memberId, instanceId, protocol, sessionTimeout },
      rebalanceTimeout: sessionTimeout,
      subscription,
    };
    this.#armFence(joinMarginMs);
    this.#attempt(
      () => this.#client.join(request),
      (answer) => this.#joined(answer),
      () => this.#join(),
    );
  }

  #joined(answer: JoinAnswer): void {
    this.#isBack = this.#memberId === '' && this.#options.instanceId !== undefined && answer.members.length === 0;
    this.#memberId = answer.memberId;
    this.#generation = answer.generation;
    this.#happened('joined', []);
    this.#waitedFor();
    const { groupId } = this.#options;
    const assignments = answer.members.length === 0 ? of(new Map<string, GroupAssignment>()) : this.#assign(answer);
    this.#attempt(
      () => assignments.pipe(mergeMap((all) => this.#client.sync({ ...this.#identity, groupId }, all))),
      (assignment) => this.#synced(assignment),
      () => this.#join(),
    );
  }

  /** The leader assigns, by what the topics have now. */
  #assign(answer: JoinAnswer): Observable<ReadonlyMap<string, GroupAssignment>> {
    const { layout, topics } = this.#options;
    const { copies } = this.#events;
    return from(this.#client.partitions(topics)).pipe(
      last(),
      map((known) => {
        this.#known = known;
        const tasks = layout(known);
        const byId = new Map(tasks.map((task) => [task.id, task]));
        const claims = answer.members.map(({ memberId, instanceId, subscription }) => ({
          ...{ memberId, instanceId, since: subscription.since, generation: subscription.generation },
          held: layout(subscription.owned).map(({ id }) => id),
          standby: subscription.standby,
          copies: subscription.standby && copies?.ranks(subscription.standby),
        }));
        const assigned = assignTasks(claims, [...byId.keys()]);
        const standbys = copies?.place(assigned, claims, [...byId.keys()]);
        const isAnyHeld = [...assigned.values()].flat().length < tasks.length;
        return new Map(
          [...assigned].map(([memberId, ids]) => {
            const partitionsOf = (all: readonly string[]) => all.flatMap((id) => byId.get(id)?.partitions ?? []);
            const kept = partitionsOf(standbys?.get(memberId) ?? []);
            const standby = kept.length > 0 ? { standbys: kept } : {};
            const assignment = { partitions: partitionsOf(ids), tasks: tasks.length, rejoin: isAnyHeld, ...standby };
            return [memberId, memberId === answer.memberId ? { ...assignment, known } : assignment];
          }),
        );
      }),
    );
  }

  #synced({ partitions, tasks, rejoin, known, standbys = [] }: GroupAssignment): void {
    this.#state = 'stable';
    this.#assignedIn = this.#generation;
    this.#tasks = tasks;
    this.#beatAt = this.#now;
    this.#failures = 0;
    this.#waitedFor();
    this.#beatLater();
    if (this.#isBack) this.#known = known;
    this.#watchPartitions();
    const assigned = new Map(this.#options.layout(partitions).map((task) => [task.id, task]));
    const revoked: HeldTask[] = [];
    const added: GroupTask[] = [];
    // Drained or lost since they were claimed: nobody has them until the next join.
    const letGo = this.#claimed.some((id) => !assigned.has(id) && this.#held.get(id)?.released !== false);
    for (const [id, held] of this.#held) {
      held.assigned = assigned.has(id);
      if (held.released && held.assigned) this.#held.delete(id);
      else if (!held.released && !held.assigned && !held.releasing) revoked.push(held);
    }
    for (const [id, task] of assigned) {
      if (this.#held.has(id)) continue;
      this.#held.set(id, { task, assigned: true, releasing: false, released: false });
      added.push(task);
    }
    this.#answer();
    this.#events.counted?.(tasks);
    if (revoked.length > 0) {
      for (const held of revoked) this.#startReleasing(held);
      this.#happened('releasing', idsOf(revoked));
    }
    if (added.length > 0) this.#assignedTo(added, tasks);
    if (revoked.length > 0) this.#events.release(revoked.map(({ task }) => task));
    this.#events.copies?.keep(this.#options.layout(standbys), tasks);
    if ((letGo || (rejoin && this.#isBack)) && this.#state === 'stable') this.#letGo();
  }

  #assignAgain({ task }: HeldTask): void {
    this.#held.set(task.id, { task, assigned: true, releasing: false, released: false });
    this.#assignedTo([task], this.#tasks);
  }

  #assignedTo(added: readonly GroupTask[], tasks: number): void {
    this.#happened(
      'assigned',
      added.map(({ id }) => id),
    );
    this.#events.assigned(added, tasks);
  }

  /**
   * The drain has its limit, and so has what follows it. Should something else keep the task, the group does without this member after
   * one session more, as it does without one that is killed.
   */
  #startReleasing(held: HeldTask): void {
    held.releasing = true;
    const { drainMs, sessionTimeout, scheduler } = this.#options;
    const lasts = drainMs + 2 * sessionTimeout;
    const { id } = held.task;
    const limit = scheduleAfter(scheduler, lasts, () => {
      this.#limits.remove(limit);
      if (held.released || this.#held.get(id) !== held) return;
      this.#happened('stuck', [id], { step: 'releasing', lasts });
      this.#events.overdue(held.task);
      this.released(id);
    });
    this.#limits.add(limit);
  }

  /** Joins again without what is drained; at once when nothing else is about to be, so that each does not cost a rebalance. */
  #letGo(): void {
    const others = [...this.#held.values()].some(({ releasing, released }) => releasing && !released);
    this.#rejoin.unsubscribe();
    const { scheduler, heartbeatInterval } = this.#options;
    this.#rejoin = scheduleAfter(scheduler, others ? heartbeatInterval / 2 : 0, () => this.#join());
  }

  // ---- heartbeats

  #beatLater(delay = this.#options.heartbeatInterval): void {
    const due = this.#now + delay;
    this.#request.unsubscribe();
    this.#request = scheduleAfter(this.#options.scheduler, delay, () => {
      const late = this.#now - due;
      const isNotSent = late > this.#options.sessionTimeout / 10 && !this.#client.answeredAt;
      if (isNotSent) this.#happened('slow-heartbeat', [], { late });
      this.#beat();
    });
  }

  #beat(): void {
    const sentAt = this.#now;
    this.#beatAt = sentAt;
    const beaten = () => {
      this.#answeredAt = Math.max(this.#answeredAt, sentAt);
      this.#failures = 0;
      this.#armFence();
      this.#beatLater();
      this.#answer();
      // Whatever has kept it from joining again.
      if (this.#rejoin.closed && [...this.#held.values()].some(({ released }) => released)) this.#letGo();
    };
    // The pause after a failure is the one before the next heartbeat.
    this.#attempt(
      () => this.#client.heartbeat(this.#identity),
      beaten,
      () => this.#beat(),
    );
  }

  /** The leader looks for partitions that were added. */
  #watchPartitions(): void {
    this.#watch.unsubscribe();
    if (!this.#known) return;
    const { discoverInterval, scheduler, topics } = this.#options;
    this.#watch = scheduleAfter(scheduler, discoverInterval, () => {
      const look = defer(() => from(this.#client.partitions(topics))).subscribe({
        next: (partitions) => {
          if (this.#known && !samePartitions(this.#known, partitions)) this.#join();
          else this.#watchPartitions();
        },
        error: () => this.#watchPartitions(),
      });
      this.#watch.add(look);
    });
  }

  // ---- losing

  /** The group has waited for other members, for up to a session: the next one begins with its answer. */
  #waitedFor(): void {
    this.#answeredAt = this.#now;
    this.#armFence();
  }

  /** Without an answer for a session, the group may have removed the member and given its tasks away. */
  #armFence(margin = 0): void {
    const { scheduler, sessionTimeout } = this.#options;
    this.#fence.unsubscribe();
    const left = Math.max(this.#answeredAt + sessionTimeout + margin - this.#now, 0);
    this.#fence = scheduleAfter(scheduler, left, () => {
      const elsewhere = this.#client.answeredAt?.() ?? 0;
      if (elsewhere > this.#answeredAt) {
        // This thread was blocked, and its heartbeats were not.
        this.#answeredAt = elsewhere;
        this.#armFence(margin);
        return;
      }
      this.#lose(new ProtocolError('Heartbeat', `no answer for ${sessionTimeout} ms`, true));
      this.#answeredAt = this.#now;
      if (this.#state === 'stable') this.#join();
    });
  }

  #lose(error: unknown): void {
    const lost = [...this.#held.values()].filter(({ released }) => !released);
    this.#forget();
    if (lost.length === 0) return;
    this.#happened('lost', idsOf(lost), { error });
    this.#events.lost(lost.map(({ task }) => task));
  }

  /** Nothing is held any more. */
  #forget(): void {
    this.#held.clear();
    this.#limits.unsubscribe();
    this.#limits = new Subscription();
    this.#answer();
  }

  #end(): void {
    this.#state = 'left';
    this.#request.unsubscribe();
    this.#rejoin.unsubscribe();
    this.#watch.unsubscribe();
    this.#fence.unsubscribe();
    this.#forget();
  }

  #fail(error: unknown): void {
    this.#lose(error);
    if (this.#state === 'left') return;
    this.#end();
    quietly(defer(() => this.#client.close())).subscribe();
    this.#events.failed(error);
  }

  // ---- requests

  /** Sends a request in place of the one under way. What may succeed another time is sent `again` after a pause. */
  #attempt<R>(send: () => ObservableInput<R>, done: (answer: R) => void, again: () => void): void {
    this.#request.unsubscribe();
    const request = new Subscription();
    this.#request = request;
    const answered = defer(send).pipe(last(undefined, undefined as R));
    request.add(
      answered.subscribe({
        next: (answer) => {
          // What follows replaces the request.
          if (!request.closed) done(answer);
        },
        error: (error: unknown) => {
          if (!request.closed) this.#refused(error, again);
        },
      }),
    );
  }

  #refused(error: unknown, again: () => void): void {
    const refusal = error instanceof ProtocolError ? error.kafkaError : '';
    switch (refusal) {
      case 'REBALANCE_IN_PROGRESS':
        this.#join();
        return;
      case 'UNKNOWN_MEMBER_ID':
        this.#memberId = '';
        this.#lose(error);
        this.#join();
        return;
      case 'ILLEGAL_GENERATION':
        this.#lose(error);
        this.#join();
        return;
      case 'FENCED_INSTANCE_ID': {
        const { groupId, instanceId } = this.#options;
        this.#fail(new FencedError(`group "${groupId}", instance id "${instanceId}"`));
        return;
      }
    }
    const tooLate = this.#generation === -1 && this.#now - this.#since >= this.#options.retryTimeout;
    if (!(error instanceof DStreamError && error.retriable) || tooLate) {
      this.#fail(error);
      return;
    }
    const pause = Math.min(backOff(pauses, this.#failures), this.#options.heartbeatInterval);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#request.unsubscribe();
    this.#request = scheduleAfter(this.#options.scheduler, pause, again);
  }

  /** Tells those who ask whether the tasks are held, now that the group has answered. */
  #answer(): void {
    for (const { id, answer } of this.#asking.splice(0)) answer(this.#held.get(id)?.assigned === true);
  }

  get #now(): number {
    return this.#options.scheduler.now();
  }

  get #identity(): GroupMembership {
    const { groupId, instanceId } = this.#options;
    return { groupId, instanceId, memberId: this.#memberId, generation: this.#generation };
  }

  #happened(type: GroupEvent['type'], tasks: readonly string[], more: EventFacts = {}): void {
    const { groupId, memberId, generation } = this.#identity;
    this.#events.happened({ type, at: this.#now, groupId, memberId, generation, tasks, ...more });
  }
}

function idsOf(held: readonly HeldTask[]): readonly string[] {
  return held.map(({ task }) => task.id);
}

/** What fails while a member leaves changes nothing: the group removes it at the end of its session. */
function quietly(work: Observable<unknown>): Observable<never> {
  return new Observable((subscriber) =>
    work.subscribe({ error: () => subscriber.complete(), complete: () => subscriber.complete() }),
  );
}
