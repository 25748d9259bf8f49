import {
  concat,
  defer,
  EMPTY,
  from,
  ignoreElements,
  last,
  map,
  mergeMap,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subscription,
  timeout,
  timer,
} from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import { DStreamError, FencedError, ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { TellFailures } from './failuresInARow.js';
import type { GroupAssignment, GroupClient, JoinAnswer } from './groupClient.js';
import type { GroupTask } from './groupTask.js';
import { HeldTasks } from './heldTasks.js';
import { joinMarginMs } from './joinMargin.js';
import { LateHeartbeats } from './lateHeartbeats.js';
import { assigned } from './leaderAssignments.js';
import type { EventFacts, GroupMemberEvents, OfHeldTask, OfTask } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';
import { MemberRequests } from './memberRequests.js';
import { PartitionWatch } from './partitionWatch.js';
import { quietly } from './quietly.js';

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
  readonly late: LateHeartbeats;
  readonly #client: GroupClient;
  readonly #options: GroupMemberOptions;
  readonly #events: GroupMemberEvents;
  readonly #since: number;
  readonly #held: HeldTasks;
  readonly #requests: MemberRequests;
  readonly #watch: PartitionWatch;
  #fence = new Subscription();
  /** Open as long as the heartbeat of `renew` is not on its way. */
  #sending = Subscription.EMPTY;
  #rejoin = Subscription.EMPTY;
  #memberId = '';
  /** Whether the present assignment may be the one that this static member had before. */
  #isBack = false;
  #generation = -1;
  /** The generation in which this member was assigned what it holds. */
  #assignedIn = -1;
  /** How many tasks there are in the group. */
  #tasks = 0;
  #state: 'idle' | 'joining' | 'stable' | 'left' = 'idle';
  /** When the last heartbeat was sent, or what counts as one. */
  #beatAt = 0;
  /** When the last request was sent that the group has answered, or when it has answered after it had waited for others. */
  #answeredAt = 0;
  /** When the last request was sent whose answer says what this member has. */
  #grantedAt = -Infinity;

  constructor(client: GroupClient, options: GroupMemberOptions, events: GroupMemberEvents) {
    this.#client = client;
    this.#options = options;
    this.#events = events;
    this.#since = options.scheduler.now();
    const tell: TellFailures = (type, facts) => this.#happened(type, [], facts);
    this.#requests = new MemberRequests(options, tell);
    this.#watch = new PartitionWatch(client, options, () => this.#join(), tell);
    this.late = new LateHeartbeats(options, (facts) => this.#happened('slow-heartbeat', [], facts));
    this.#held = new HeldTasks(options, (task, lasts) => {
      this.#happened('stuck', [task], { step: 'releasing', lasts });
      events.overdue(task);
      this.released(task.id);
    });
  }

  start(): void {
    this.#state = 'joining';
    this.#answeredAt = this.#now;
    this.#attempt(
      () => concat(this.#client.connect(), this.#events.copies?.look(this.#allTasks) ?? EMPTY),
      () => this.#join(),
      () => this.start(),
    );
  }

  /** Who commits the offsets of a task now; `undefined` when it is not this member's. */
  membership(id: string): GroupMembership | undefined {
    return this.#held.isOwned(id) && this.#memberId !== '' ? this.#identity : undefined;
  }

  /** Asks the group whether a task is still this member's. Completes with the answer. */
  confirm(id: string): Observable<boolean> {
    if (!this.membership(id)) return of(false);
    return new Observable((subscriber) => {
      const withdraw = this.#held.ask(id, (held) => {
        subscriber.next(held);
        subscriber.complete();
      });
      // One heartbeat for all that ask in one turn.
      if (this.#state === 'stable' && this.#beatAt !== this.#now) this.#beat();
      return withdraw;
    });
  }

  /**
   * Before something that takes the work from another process: completes when the group has said not long ago that the task is this member's, which
   * most times is at once. It does not complete when the task is another's, of which the owner hears by itself.
   */
  granted(id: string): Observable<never> {
    const saidAt = Math.max(this.#grantedAt, this.#elsewhereAt);
    if (this.membership(id) && this.#now - saidAt <= this.#options.sessionTimeout / 2) return EMPTY;
    return this.confirm(id).pipe(mergeMap((held) => (held ? EMPTY : NEVER)));
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
      this.#beat('beside');
      this.#sending = nextTurn.subscribe();
    }
    return this.#sending.closed ? EMPTY : nextTurn;
  }

  /** Something has happened to a task that only its owner sees. */
  tell(type: OfHeldTask | OfTask, ids: string | readonly string[], more: EventFacts = {}): void {
    const mustBeHeld = type === 'fenced' || type === 'reopened';
    const tasks = [ids].flat().map((id) => ({ id }));
    if (!mustBeHeld || tasks.every(({ id }) => this.#held.has(id))) this.#happened(type, tasks, more);
  }

  /** A task is drained: another member may have it. */
  released(id: string): void {
    const released = this.#held.released(id);
    if (!released) return;
    const { task, assigned } = released;
    this.#happened('released', [task]);
    // While a join is under way the group still thinks that it is held: what comes of it is seen when it is answered.
    if (this.#state !== 'stable') return;
    if (!assigned) this.#letGo();
    else {
      this.#held.add(task);
      this.#assignedTo([task], this.#tasks);
    }
  }

  /** Leaves the group, unless the member is static, and closes the client. Nothing is drained. */
  leave(): Observable<never> {
    return defer(() => {
      if (this.#state === 'left') return EMPTY;
      const identity = this.#memberId === '' || this.#options.instanceId !== undefined ? undefined : this.#identity;
      this.#end();
      const leaving = identity ? from(this.#client.leave(identity)) : EMPTY;
      const limit = { each: leaveTimeoutMs, with: () => EMPTY, scheduler: this.#options.scheduler };
      return concat(quietly(leaving.pipe(timeout(limit))), quietly(defer(() => this.#client.close())));
    });
  }

  // ---- joining

  get #allTasks(): Observable<readonly GroupTask[]> {
    const { topics, layout } = this.#options;
    return defer(() => this.#client.partitions(topics)).pipe(last(), map(layout));
  }

  #join(): void {
    if (this.#state === 'left') return;
    this.#state = 'joining';
    this.late.expect(Infinity);
    this.#rejoin.unsubscribe();
    this.#watch.stop();
    const { groupId, instanceId, protocol, topics, sessionTimeout, processId } = this.#options;
    const subscription = {
      topics: topics.filter((topic) => typeof topic === 'string'),
      patterns: this.#events.copies?.patterns,
      processId,
      since: this.#since,
      owned: this.#held.claim(),
      // Also without partitions: a broker ignores a join that says the same as the one before.
      generation: this.#assignedIn,
      standby: this.#events.copies?.claims(),
    };
    const member = { groupId, memberId: this.#memberId, instanceId, protocol, sessionTimeout };
    const request = { ...member, rebalanceTimeout: sessionTimeout, subscription };
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
    const assignments = assigned(answer, this.#client, this.#options, this.#events.copies);
    // The sync goes out then, or later.
    const joinedAt = this.#now;
    this.#attempt(
      () => assignments.pipe(mergeMap((all) => this.#client.sync(this.#identity, all))),
      (assignment) => this.#synced(assignment, joinedAt),
      () => this.#join(),
    );
  }

  #synced({ partitions, tasks, rejoin, known, standbys = [] }: GroupAssignment, sentAt: number): void {
    this.#grantedAt = sentAt;
    this.#state = 'stable';
    this.#assignedIn = this.#generation;
    this.#tasks = tasks;
    this.#beatAt = this.#now;
    this.#requests.succeeded();
    this.#waitedFor();
    this.#beatLater();
    this.#watch.start(known);
    // What was drained or lost since it was claimed nobody has until the next join.
    const { added, revoked, letGo } = this.#held.assign(this.#options.layout(partitions));
    this.#held.answer();
    this.#events.counted?.(tasks);
    if (revoked.length > 0) this.#happened('releasing', revoked);
    if (added.length > 0) this.#assignedTo(added, tasks);
    if (revoked.length > 0) this.#events.release(revoked);
    this.#events.copies?.keep(this.#options.layout(standbys), tasks);
    if ((letGo || (rejoin && this.#isBack)) && this.#state === 'stable') this.#letGo();
  }

  #assignedTo(added: readonly GroupTask[], tasks: number): void {
    this.#happened('assigned', added);
    this.#events.assigned(added, tasks);
  }

  /** Joins again without what is drained; at once when nothing else is about to be, so that each does not cost a rebalance. */
  #letGo(): void {
    this.#rejoin.unsubscribe();
    const { scheduler, heartbeatInterval } = this.#options;
    this.#rejoin = scheduleAfter(scheduler, this.#held.isReleasing ? heartbeatInterval / 2 : 0, () => this.#join());
  }

  // ---- heartbeats

  #beatLater(delay = this.#options.heartbeatInterval): void {
    if (!this.#client.answeredAt) this.late.expect(this.#now + delay);
    this.#requests.wait(delay, () => this.#beat());
  }

  /** `beside` leaves the heartbeat that is under way alone: replaced again and again, none would be answered where answers take long. */
  #beat(how: 'instead' | 'beside' = 'instead'): void {
    const sentAt = this.#now;
    this.#beatAt = sentAt;
    this.late.gone();
    const beaten = () => {
      this.#requests.succeeded();
      this.late.facts = {};
      this.#answeredAt = Math.max(this.#answeredAt, sentAt);
      this.#grantedAt = sentAt;
      this.#armFence();
      this.#beatLater();
      this.#held.answer();
      // Whatever has kept it from joining again.
      if (this.#rejoin.closed && this.#held.hasReleased) this.#letGo();
    };
    const send = () => this.#client.heartbeat(this.#identity);
    // The pause after a failure is the one before the next heartbeat.
    const refused = (error: unknown) => this.#refused(error, () => this.#beat());
    if (how === 'beside') this.#requests.sendBeside(send, beaten, refused);
    else this.#requests.send(send, beaten, refused);
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
      if (this.#elsewhereAt > this.#answeredAt) {
        // This thread was blocked, and its heartbeats were not.
        this.#answeredAt = this.#elsewhereAt;
        this.#armFence(margin);
        return;
      }
      this.#lose(new ProtocolError('Heartbeat', `no answer for ${sessionTimeout} ms`, true));
      this.#answeredAt = this.#now;
      if (this.#state === 'stable') this.#join();
    });
  }

  get #elsewhereAt(): number {
    return this.#client.answeredAt?.() ?? 0;
  }

  #lose(error: unknown): void {
    const lost = this.#held.clear();
    if (lost.length === 0) return;
    this.late.gone();
    this.#happened('lost', lost, { ...this.late.facts, error });
    this.#events.lost(lost);
  }

  #end(): void {
    this.#state = 'left';
    this.#requests.close();
    this.#rejoin.unsubscribe();
    this.#watch.stop();
    this.#fence.unsubscribe();
    this.#held.clear();
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
    this.#requests.send(send, done, (error) => this.#refused(error, again));
  }

  #refused(error: unknown, again: () => void): void {
    const refusal = error instanceof ProtocolError ? error.kafkaError : '';
    switch (refusal) {
      case 'REBALANCE_IN_PROGRESS':
        this.#join();
        return;
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
        if (refusal === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
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
    this.#requests.retry(error, again);
  }

  get #now(): number {
    return this.#options.scheduler.now();
  }

  get #identity(): GroupMembership {
    const { groupId, instanceId } = this.#options;
    const isJoining = this.#state === 'joining' || undefined;
    return { groupId, instanceId, memberId: this.#memberId, generation: this.#generation, isJoining };
  }

  #happened(type: GroupEvent['type'], tasks: readonly Pick<GroupTask, 'id'>[], more: EventFacts = {}): void {
    const { groupId, memberId, generation } = this.#identity;
    const ids = tasks.map(({ id }) => id);
    this.#events.happened({ type, at: this.#now, groupId, memberId, generation, tasks: ids, ...more });
  }
}
