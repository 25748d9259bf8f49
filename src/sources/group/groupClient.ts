import type { ObservableInput } from 'rxjs';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import type { StandbyClaims } from './taskCopies.js';

/** What a member says of itself when it joins its group. */
export interface GroupSubscription {
  /** The topics, by name. */
  readonly topics: readonly string[];
  /** Patterns of topics, as text. Absent for a member that reads none or does not say so. */
  readonly patterns?: readonly string[] | undefined;
  /** Names the process in messages and events. */
  readonly processId: string;
  /** When the member was created, in ms: of two that are alike, the older one comes first. */
  readonly since: number;
  /** The partitions that it holds, and claims to keep. */
  readonly owned: readonly TopicPartition[];
  /** The generation in which it was assigned these; -1 for none. */
  readonly generation: number;
  /** The copies of checkpoints that it has. Absent for a member that keeps none for others. */
  readonly standby?: StandbyClaims | undefined;
}

/** What a member asks for when it joins. */
export interface JoinRequest {
  /** The group. */
  readonly groupId: string;
  /** The id from an earlier join; `''` for the first time. */
  readonly memberId: string;
  /** The id of a static member. */
  readonly instanceId?: string | undefined;
  /** Members with another name of the protocol are refused. */
  readonly protocol: string;
  /** How long the group waits for a heartbeat, in ms. */
  readonly sessionTimeout: number;
  /** How long the group waits for its members to join again, in ms. */
  readonly rebalanceTimeout: number;
  /** What the member says of itself. */
  readonly subscription: GroupSubscription;
}

/** A member, as the leader of its group sees it. */
export interface JoinedMember {
  /** The id that the group has chosen. */
  readonly memberId: string;
  /** The id of a static member. */
  readonly instanceId?: string | undefined;
  /** What it says of itself. */
  readonly subscription: GroupSubscription;
}

/** The answer to a join, when all members have joined. */
export interface JoinAnswer {
  /** The new generation, or the present one for a static member that came back. */
  readonly generation: number;
  /** The id that the group has chosen. */
  readonly memberId: string;
  /** All members, for the one that assigns; empty for the others. */
  readonly members: readonly JoinedMember[];
}

/** What the leader assigns to a member. */
export interface GroupAssignment {
  /** The partitions. */
  readonly partitions: readonly TopicPartition[];
  /** How many tasks there are in all. */
  readonly tasks: number;
  /** Whether a static member that comes back to this assignment joins again: a task is assigned to nobody until it is released. */
  readonly rejoin: boolean;
  /** All partitions, for the member that leads: one that comes back looks for others from then on, and the group need not join again. */
  readonly known?: readonly TopicPartition[] | undefined;
  /** The partitions of tasks of other members of whose checkpoints it keeps copies. Default: none. */
  readonly standbys?: readonly TopicPartition[] | undefined;
}

/**
 * The port to a group: what a member needs of Kafka's group protocol, or of a group in memory. Every method fails only with a
 * `DStreamError`. Where a group refuses, it is a `ProtocolError` with Kafka's name: `UNKNOWN_MEMBER_ID` and `ILLEGAL_GENERATION` for a
 * member that it has removed, `REBALANCE_IN_PROGRESS` for one that must join again, `FENCED_INSTANCE_ID` for a static member whose id
 * another process has taken, `INCONSISTENT_GROUP_PROTOCOL` for a group of another kind.
 *
 * @see {@link memoryGroup} for one in memory
 */
export interface GroupClient {
  /** Called once, before anything else. */
  connect(): ObservableInput<unknown>;
  /** Joins, or joins again. Waits for the other members to do so. */
  join(request: JoinRequest): ObservableInput<JoinAnswer>;
  /** Returns what is assigned to the member; the leader passes what it assigns to each member, by member id. */
  sync(
    membership: GroupMembership,
    assignments: ReadonlyMap<string, GroupAssignment>,
  ): ObservableInput<GroupAssignment>;
  /** Tells the group that the member is alive. */
  heartbeat(membership: GroupMembership): ObservableInput<unknown>;
  /**
   * When the last heartbeat was sent that the group has answered, in ms, for a client whose heartbeats go on while its own thread is blocked;
   * absent for others.
   */
  answeredAt?(): number;
  /** Leaves the group at once, also while a join is waiting. */
  leave(membership: GroupMembership): ObservableInput<unknown>;
  /**
   * The partitions of the topics now. A pattern selects every topic that matches.
   *
   * @throws {UnknownTopicError} when a topic named by a string never existed
   */
  partitions(topics: readonly (string | RegExp)[]): ObservableInput<readonly TopicPartition[]>;
  /** Called once, whatever happened; nothing is called afterwards. */
  close(): ObservableInput<unknown>;
}
