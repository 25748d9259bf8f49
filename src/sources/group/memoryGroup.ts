import {
  asyncScheduler,
  defer,
  EMPTY,
  type ObservableInput,
  of,
  type SchedulerLike,
  Subject,
  Subscription,
  throwError,
} from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import { ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { checkScheduler, withMethods } from '../../options/checks.js';
import type { GroupAssignment, GroupClient, JoinAnswer, JoinedMember, JoinRequest } from './groupClient.js';

/** What `memoryGroup` takes. */
export interface MemoryGroupOptions {
  /** Knows the partitions of topics, such as a `memoryLog`. */
  readonly log: {
    /** The partitions of topics by name or pattern. */
    partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly TopicPartition[]>;
  };
  /**
   * The clock of sessions and rebalances.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

const memoryGroupChecks: OptionChecks<MemoryGroupOptions> = {
  log: required(withMethods('partitions')),
  scheduler: checkScheduler,
};

/** A coordinator of groups in memory. */
export interface MemoryGroup {
  /** A client of it: one for each member. */
  client(): GroupClient;
  /** The ids of the members of a group, with the partitions that each was assigned last. */
  members(groupId: string): ReadonlyMap<string, readonly TopicPartition[]>;
  /**
   * Checks who commits, as a broker does.
   *
   * @throws {ProtocolError} `UNKNOWN_MEMBER_ID`, `ILLEGAL_GENERATION` or `REBALANCE_IN_PROGRESS`
   */
  checkCommit(groupId: string, member: GroupMembership | undefined): void;
}

/**
 * Kafka's group protocol in memory, for members in tests and demos: it runs in virtual time, with sessions that end, rebalances that
 * wait, and static members. Processes are members of one group by clients of one `memoryGroup`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link groupClientContract} for what it does as a broker does it
 *
 * @example
 * ```ts
 * import { memoryLog } from 'dstream';
 * import { memoryGroup } from 'dstream/testing';
 *
 * const log = memoryLog({ topics: { flights: 2 } });
 * const group = memoryGroup({ log });
 * console.log(group.members('delays').size);
 * // => 0
 * ```
 */
export function memoryGroup(options: MemoryGroupOptions): MemoryGroup {
  checkOptions('memoryGroup', options, memoryGroupChecks);
  const { log, scheduler = asyncScheduler } = options;
  const groups = new Map<string, Coordinator>();
  const groupOf = (groupId: string): Coordinator => {
    const known = groups.get(groupId) ?? new Coordinator(scheduler);
    groups.set(groupId, known);
    return known;
  };
  return {
    client: () => ({
      connect: () => EMPTY,
      join: (request) => defer(() => groupOf(request.groupId).join(request)),
      sync: (membership, assignments) => defer(() => groupOf(membership.groupId).sync(membership, assignments)),
      heartbeat: (membership) => defer(() => groupOf(membership.groupId).heartbeat(membership)),
      leave: (membership) => defer(() => groupOf(membership.groupId).leave(membership)),
      partitions: (topics) => log.partitions(topics),
      close: () => EMPTY,
    }),
    members: (groupId) => groupOf(groupId).assignments,
    checkCommit: (groupId, member) => groupOf(groupId).checkCommit(member),
  };
}

interface Member {
  readonly memberId: string;
  readonly instanceId: string | undefined;
  request: JoinRequest;
  session: Subscription;
  /** Where the answer to its join goes, while that waits. */
  joining: Subject<JoinAnswer> | undefined;
  syncing: Subject<GroupAssignment> | undefined;
  assignment: GroupAssignment;
}

const nothing: GroupAssignment = { partitions: [], tasks: 0, rejoin: false };

/** One group: its members and where it is in a rebalance. */
class Coordinator {
  readonly #scheduler: SchedulerLike;
  readonly #members = new Map<string, Member>();
  #state: 'stable' | 'joining' | 'syncing' = 'stable';
  #generation = 0;
  #leader = '';
  #created = 0;
  #rebalance = new Subscription();

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  get assignments(): ReadonlyMap<string, readonly TopicPartition[]> {
    return new Map([...this.#members].map(([id, { assignment }]) => [id, assignment.partitions]));
  }

  join(request: JoinRequest): ObservableInput<JoinAnswer> {
    const others = [...this.#members.values()].filter(({ memberId }) => memberId !== request.memberId);
    if (others.some((other) => other.request.protocol !== request.protocol)) {
      return refuse('JoinGroup', 'INCONSISTENT_GROUP_PROTOCOL');
    }
    const { instanceId } = request;
    const same = [...this.#members.values()].find(
      (member) => instanceId !== undefined && member.instanceId === instanceId,
    );
    if (request.memberId === '') {
      const memberId = `${instanceId ?? 'member'}-${++this.#created}`;
      return same ? this.#replace(same, memberId, request) : this.#rejoin(this.#add(memberId, request), request);
    }
    if (same && same.memberId !== request.memberId) return refuse('JoinGroup', 'FENCED_INSTANCE_ID');
    const member = this.#members.get(request.memberId);
    if (!member) return refuse('JoinGroup', 'UNKNOWN_MEMBER_ID');
    return this.#isNews(member, request) ? this.#rejoin(member, request) : this.#present(member);
  }

  sync(
    membership: GroupMembership,
    assignments: ReadonlyMap<string, GroupAssignment>,
  ): ObservableInput<GroupAssignment> {
    const refusal = this.#refusal(membership);
    if (refusal) return refuse('SyncGroup', refusal);
    if (this.#state === 'joining') return refuse('SyncGroup', 'REBALANCE_IN_PROGRESS');
    const member = this.#members.get(membership.memberId) as Member;
    this.#live(member);
    if (this.#state === 'stable') return of(member.assignment);
    if (member.memberId === this.#leader) {
      this.#state = 'stable';
      for (const one of this.#members.values()) one.assignment = assignments.get(one.memberId) ?? nothing;
      for (const one of this.#members.values()) answer(one.syncing, one.assignment);
      return of(member.assignment);
    }
    member.syncing?.complete();
    member.syncing = new Subject();
    return member.syncing;
  }

  heartbeat(membership: GroupMembership): ObservableInput<unknown> {
    const refusal = this.#refusal(membership);
    if (refusal) return refuse('Heartbeat', refusal);
    this.#live(this.#members.get(membership.memberId) as Member);
    return this.#state === 'joining' ? refuse('Heartbeat', 'REBALANCE_IN_PROGRESS') : EMPTY;
  }

  leave({ memberId }: GroupMembership): ObservableInput<unknown> {
    const member = this.#members.get(memberId);
    if (!member) return refuse('LeaveGroup', 'UNKNOWN_MEMBER_ID');
    this.#remove(member);
    return EMPTY;
  }

  checkCommit(member: GroupMembership | undefined): void {
    const refusal = member ? this.#refusal(member) : this.#members.size > 0 && 'UNKNOWN_MEMBER_ID';
    const syncing = this.#state === 'syncing' && 'REBALANCE_IN_PROGRESS';
    const error = refusal || syncing;
    if (error) throw new ProtocolError('OffsetCommit', error, error === 'REBALANCE_IN_PROGRESS');
  }

  #refusal({ memberId, generation, instanceId }: GroupMembership): string | undefined {
    const isFenced =
      instanceId !== undefined &&
      [...this.#members.values()].some((member) => member.instanceId === instanceId && member.memberId !== memberId);
    if (isFenced) return 'FENCED_INSTANCE_ID';
    if (!this.#members.has(memberId)) return 'UNKNOWN_MEMBER_ID';
    return generation === this.#generation ? undefined : 'ILLEGAL_GENERATION';
  }

  #add(memberId: string, request: JoinRequest): Member {
    const { instanceId } = request;
    const member: Member = {
      ...{ memberId, instanceId, request, session: new Subscription(), assignment: nothing },
      ...{ joining: undefined, syncing: undefined },
    };
    this.#members.set(memberId, member);
    return member;
  }

  /** A static member is back: it has what it had, and nobody notices, unless the group is rebalancing anyway. */
  #replace(former: Member, memberId: string, request: JoinRequest): ObservableInput<JoinAnswer> {
    former.session.unsubscribe();
    this.#members.delete(former.memberId);
    const member = this.#add(memberId, request);
    member.assignment = former.assignment;
    fence(former.joining, 'JoinGroup');
    fence(former.syncing, 'SyncGroup');
    if (this.#state !== 'stable') return this.#rejoin(member, request);
    const led = this.#leader === former.memberId;
    if (led) this.#leader = memberId;
    return this.#present(member);
  }

  /** Only a leader, or a member that says something else than before, makes a stable group join again. */
  #isNews(member: Member, { subscription }: JoinRequest): boolean {
    const saysTheSame = JSON.stringify(member.request.subscription) === JSON.stringify(subscription);
    return this.#state !== 'stable' || member.memberId === this.#leader || !saysTheSame;
  }

  /** The answer to a join that changes nothing. */
  #present(member: Member): ObservableInput<JoinAnswer> {
    this.#live(member);
    return of({ generation: this.#generation, memberId: member.memberId, members: [] });
  }

  #rejoin(member: Member, request: JoinRequest): ObservableInput<JoinAnswer> {
    member.request = request;
    member.session.unsubscribe();
    member.joining?.complete();
    const joining = new Subject<JoinAnswer>();
    member.joining = joining;
    return defer(() => {
      // Answered once somebody listens: all may have joined already.
      this.#scheduler.schedule(() => {
        if (member.joining === joining) this.#prepare();
      });
      return joining;
    });
  }

  #prepare(): void {
    if (this.#state !== 'joining') {
      this.#state = 'joining';
      for (const member of this.#members.values()) {
        member.syncing?.error(new ProtocolError('SyncGroup', 'REBALANCE_IN_PROGRESS', true));
        member.syncing = undefined;
      }
      const longest = Math.max(...Array.from(this.#members.values(), ({ request }) => request.rebalanceTimeout));
      this.#rebalance = scheduleAfter(this.#scheduler, longest, () => {
        for (const member of [...this.#members.values()]) if (!member.joining) this.#forget(member);
        this.#joined();
      });
    }
    if ([...this.#members.values()].every(({ joining }) => joining)) this.#joined();
  }

  #joined(): void {
    this.#rebalance.unsubscribe();
    this.#generation++;
    const [first] = this.#members.keys();
    if (!this.#members.has(this.#leader)) this.#leader = first ?? '';
    this.#state = this.#members.size > 0 ? 'syncing' : 'stable';
    const all: JoinedMember[] = Array.from(this.#members.values(), ({ memberId, instanceId, request }) => {
      return { memberId, instanceId, subscription: request.subscription };
    });
    const generation = this.#generation;
    const answers = Array.from(this.#members.values(), (member) => {
      const { joining, memberId } = member;
      member.joining = undefined;
      this.#live(member);
      return () => answer(joining, { generation, memberId, members: memberId === this.#leader ? all : [] });
    });
    for (const send of answers) send();
  }

  /** The session begins again. */
  #live(member: Member): void {
    member.session.unsubscribe();
    member.session = scheduleAfter(this.#scheduler, member.request.sessionTimeout, () => this.#remove(member));
  }

  #forget(member: Member): void {
    member.session.unsubscribe();
    this.#members.delete(member.memberId);
    member.joining?.error(new ProtocolError('JoinGroup', 'UNKNOWN_MEMBER_ID', false));
    member.syncing?.error(new ProtocolError('SyncGroup', 'UNKNOWN_MEMBER_ID', false));
  }

  #remove(member: Member): void {
    this.#forget(member);
    if (this.#members.size === 0) {
      this.#joined();
      return;
    }
    this.#prepare();
  }
}

function refuse(request: string, kafkaError: string): ObservableInput<never> {
  return throwError(() => new ProtocolError(request, kafkaError, kafkaError === 'REBALANCE_IN_PROGRESS'));
}

function fence(waiting: { error(error: unknown): void } | undefined, request: string): void {
  waiting?.error(new ProtocolError(request, 'FENCED_INSTANCE_ID', false));
}

function answer<A>(waiting: Subject<A> | undefined, value: A): void {
  waiting?.next(value);
  waiting?.complete();
}
