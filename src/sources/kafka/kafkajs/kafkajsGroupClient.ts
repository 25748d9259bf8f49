import type { Kafka } from 'kafkajs';
import { InvalidOptionError, ProtocolError, UnknownTopicError } from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import type { TopicPartition } from '../../../batch/topicPartition.js';
import type {
  GroupAssignment,
  GroupClient,
  GroupSubscription,
  JoinAnswer,
  JoinRequest,
} from '../../group/groupClient.js';
import { joinMarginMs } from '../../group/joinMargin.js';
import { isSelected } from '../../log/isSelected.js';
import {
  encodeAssignment,
  encodeSubscription,
  readAssignment,
  readSubscription,
  type WireSubscription,
} from '../protocol/consumerProtocol.js';
import { memberIdRequired, responseError, unknownTopic } from '../protocol/errorCodes.js';
import { encodeJoinGroup, type JoinGroupResponse, readJoinGroupResponse } from '../protocol/joinGroupProtocol.js';
import {
  encodeHeartbeat,
  encodeLeaveGroup,
  encodeSyncGroup,
  readHeartbeatResponse,
  readLeaveGroupResponse,
  readSyncGroupResponse,
} from '../protocol/membershipProtocol.js';
import {
  encodeAssignmentUserData,
  encodeMemberUserData,
  readAssignmentUserData,
  readMemberUserData,
} from '../protocol/memberUserData.js';
import { kafkaAccess } from './kafkaAccess.js';
import { type KafkajsPort, kafkajsPort } from './kafkajsPort.js';
import type { KafkaRuntime } from './kafkaRuntime.js';
import { translateError } from './translateError.js';

const joinGroup = { apiKey: 11, apiVersion: 5, apiName: 'JoinGroup' } as const;
const syncGroup = { apiKey: 14, apiVersion: 3, apiName: 'SyncGroup' } as const;
const heartbeat = { apiKey: 12, apiVersion: 3, apiName: 'Heartbeat' } as const;
const leaveGroup = { apiKey: 13, apiVersion: 3, apiName: 'LeaveGroup' } as const;
/** The type of the protocol of Kafka's consumers: its tools show what members of that type have. */
const protocolType = 'consumer';

/**
 * The group protocol over kafkajs, on connections of its own: a broker answers one connection in order, so that a commit would wait behind
 * a join.
 */
export class KafkajsGroupClient implements GroupClient {
  readonly #owner: string;
  readonly #kafka: Kafka;
  readonly #port: KafkajsPort;
  /** For leaving while a join waits for its answer. */
  #second: KafkajsPort | undefined;
  #joining = false;
  /** The topics that were there. */
  readonly #seen = new Set<string>();

  /**
   * `owner` took the options, for messages.
   *
   * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
   */
  constructor(owner: string, kafka: Kafka | KafkaRuntime) {
    this.#owner = owner;
    this.#kafka = kafkaAccess(kafka).kafka;
    this.#port = kafkajsPort(this.#kafka);
  }

  async connect(): Promise<void> {
    await this.#request('connecting', 'the cluster', () => this.#port.connect());
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    this.#joining = true;
    try {
      return await this.#request('JoinGroup', `group "${request.groupId}"`, () => this.#join(request));
    } finally {
      this.#joining = false;
    }
  }

  async #join(request: JoinRequest): Promise<JoinAnswer> {
    const { groupId, rebalanceTimeout } = request;
    const metadata = encodeSubscription(wireSubscription(request.subscription));
    const protocol = { type: protocolType, name: request.protocol, metadata };
    const send = (memberId: string) => {
      const call = { ...request, instanceId: request.instanceId, memberId, protocol };
      const encoded = { ...joinGroup, bytes: encodeJoinGroup(call) };
      return this.#port.coordinated(groupId, encoded, readJoinGroupResponse, rebalanceTimeout + joinMarginMs);
    };
    let answer = await send(request.memberId);
    if (answer.errorCode === memberIdRequired) answer = await send(answer.memberId);
    if (answer.errorCode !== 0) throw await this.#refusal(request, answer);
    const leads = answer.leader === answer.memberId;
    return {
      generation: answer.generation,
      memberId: answer.memberId,
      members: (leads ? answer.members : []).map(({ memberId, instanceId, metadata }) => {
        return { memberId, instanceId, subscription: subscriptionOf(readSubscription(metadata)) };
      }),
    };
  }

  /** Errors of a join that the user can do something about say what. */
  async #refusal({ groupId, sessionTimeout }: JoinRequest, { errorCode }: JoinGroupResponse): Promise<Error> {
    const error = responseError('JoinGroup', errorCode, { group: groupId });
    const kafkaError = error instanceof ProtocolError ? error.kafkaError : '';
    if (kafkaError === 'INVALID_SESSION_TIMEOUT') {
      const rule =
        'must be between group.min.session.timeout.ms (6000 by default) and group.max.session.timeout.ms of the broker';
      return new InvalidOptionError(this.#owner, 'sessionTimeout', sessionTimeout, rule);
    }
    if (kafkaError !== 'INCONSISTENT_GROUP_PROTOCOL') return error;
    const members = await this.#port.groupMembers(groupId).catch(() => []);
    const who = members.length > 0 ? members.join(', ') : 'unknown';
    const detail = `group "${groupId}" is in use by consumers of another kind: ${who}`;
    return new ProtocolError('JoinGroup', kafkaError, false, { cause: error }, detail);
  }

  async sync(membership: GroupMembership, assignments: ReadonlyMap<string, GroupAssignment>): Promise<GroupAssignment> {
    const encoded = [...assignments].map(([memberId, { partitions, ...rest }]) => {
      return { memberId, assignment: encodeAssignment({ partitions, userData: encodeAssignmentUserData(rest) }) };
    });
    const request = { ...syncGroup, bytes: encodeSyncGroup(membership, encoded) };
    const { assignment } = await this.#answered(membership, request, readSyncGroupResponse);
    const { partitions, userData } = readAssignment(assignment);
    return { partitions, ...readAssignmentUserData(userData) };
  }

  async heartbeat(membership: GroupMembership): Promise<void> {
    await this.#answered(membership, { ...heartbeat, bytes: encodeHeartbeat(membership) }, readHeartbeatResponse);
  }

  async leave(membership: GroupMembership): Promise<void> {
    const request = { ...leaveGroup, bytes: encodeLeaveGroup(membership) };
    if (this.#joining) this.#second = kafkajsPort(this.#kafka);
    await this.#second?.connect();
    await this.#answered(membership, request, readLeaveGroupResponse, this.#second);
  }

  async partitions(topics: readonly (string | RegExp)[]): Promise<readonly TopicPartition[]> {
    return this.#request('Metadata', 'the topics', async () => {
      const names = topics.filter((topic) => typeof topic === 'string');
      const found = await this.#port.metadata(names.length < topics.length ? undefined : names);
      const wanted = found.filter(({ topic, isInternal }) => isSelected(topic, isInternal ? names : topics));
      const failed = wanted.find(({ errorCode }) => errorCode !== 0);
      if (failed) throw this.#absence(failed);
      for (const { topic } of wanted) this.#seen.add(topic);
      // A broker answers in any order.
      const places = wanted.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition }) => ({ topic, partition })),
      );
      return places.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
    });
  }

  /** A topic that was there may be again. */
  #absence({ topic, errorCode }: { readonly topic: string; readonly errorCode: number }): Error {
    const error = responseError('Metadata', errorCode, { topics: [topic] });
    const isUnknown = error instanceof ProtocolError && error.kafkaError === unknownTopic && !this.#seen.has(topic);
    return isUnknown ? new UnknownTopicError(topic, { cause: error }) : error;
  }

  async close(): Promise<void> {
    this.#port.disconnect();
    this.#second?.disconnect();
  }

  #answered<R extends { readonly errorCode: number; readonly throttleTime: number }>(
    { groupId }: GroupMembership,
    request: Parameters<KafkajsPort['coordinated']>[1],
    read: (body: Buffer) => R,
    port = this.#port,
  ): Promise<R> {
    const resource = `group "${groupId}"`;
    return this.#request(request.apiName, resource, async () => {
      const answer = await port.coordinated(groupId, request, read);
      if (answer.errorCode !== 0) throw responseError(request.apiName, answer.errorCode, resource);
      return answer;
    });
  }

  async #request<R>(what: string, resource: string, send: () => Promise<R>): Promise<R> {
    try {
      return await send();
    } catch (error) {
      throw translateError(error, what, resource);
    }
  }
}

function wireSubscription({ topics, owned, generation, ...said }: GroupSubscription): WireSubscription {
  return { topics, userData: encodeMemberUserData(said), owned, generation };
}

function subscriptionOf({ topics, userData, owned, generation }: WireSubscription): GroupSubscription {
  return { topics, ...readMemberUserData(userData), owned, generation };
}
