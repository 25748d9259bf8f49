import type { Kafka } from 'kafkajs';
import { ProtocolError } from '../../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../../batch/topicPartition.js';
import type { BufferRefCount } from '../protocol/bufferRefCount.js';
import { responseError } from '../protocol/errorCodes.js';
import { encodeFetchByIdRequest, fetchByIdVersion, readFetchByIdResponse } from '../protocol/fetchByIdProtocol.js';
import {
  encodeFetchRequest,
  type FetchCall,
  type FetchResponse,
  type IsolationLevel,
  readFetchResponse,
} from '../protocol/fetchProtocol.js';
import {
  type CoordinatedKind,
  encodeFindCoordinator,
  readFindCoordinatorResponse,
} from '../protocol/findCoordinatorProtocol.js';
import { groupByTopic, type TopicPartitions } from '../protocol/groupByTopic.js';
import {
  encodeListOffsetsRequest,
  type ListedOffset,
  readListOffsetsResponse,
} from '../protocol/listOffsetsProtocol.js';
import type { MemberIdentity } from '../protocol/membershipProtocol.js';
import {
  encodeMetadataRequest,
  type MetadataResponse,
  metadataVersion,
  readMetadataResponse,
  type TopicMetadata,
} from '../protocol/metadataProtocol.js';
import { encodeOffsetCommit, readOffsetCommitResponse } from '../protocol/offsetCommitProtocol.js';
import {
  type CommittedPartition,
  encodeStableOffsetFetch,
  readOffsetFetchResponse,
} from '../protocol/offsetFetchProtocol.js';
import { BrokerRegistry } from './brokerRegistry.js';
import { ConnectionGuard } from './connectionGuard.js';
import { GroupCoordinators } from './groupCoordinators.js';
import { type Broker, makeCluster, plainSocketSource } from './kafkajsCluster.js';
import { ResponseBuffers } from './responseBuffers.js';
import { type EncodedRequest, sendOverBroker, type Throttled } from './sendOverBroker.js';

/** A partition with the node id of its leader. */
export interface PartitionLeader extends TopicPartition {
  readonly leader: string;
}

/** The offset of a partition. */
export interface OffsetEntry extends TopicPartition {
  /** As Kafka sends it; -1 for none. */
  readonly offset: string;
}

/** An offset to be committed, with the text that is kept beside it. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

/** A response in a pooled buffer. Readers retain it; the caller of `fetch` releases it once they have. */
export interface PooledFetchResponse extends FetchResponse {
  readonly refCount?: BufferRefCount | undefined;
  /** Whether topics were named by their ids. */
  readonly byId: boolean;
}

/** What the client needs of kafkajs. It fails with kafkajs's own errors, which the caller translates. */
export interface KafkajsPort {
  connect(): Promise<void>;
  /** Closes every connection at once; nothing succeeds afterwards. */
  disconnect(): void;
  /** What a broker knows of these topics, or of all topics; a topic or partition that has an error says so. */
  metadata(topics?: readonly string[]): Promise<readonly TopicMetadata[]>;
  /** Partitions and their leaders, fresh from a broker. Fails when a topic does not exist. */
  leaders(topics: readonly string[]): Promise<readonly PartitionLeader[]>;
  /** The newest version of an API that a broker has; 0 where it has none. */
  maxVersion(nodeId: string, apiKey: number): Promise<number>;
  /** Sends any request to a broker. */
  request<R>(nodeId: string, request: EncodedRequest, read: (body: Buffer) => R & Throttled): Promise<R>;
  /** Where a broker listens; `undefined` for one that is not known. */
  address(nodeId: string): { readonly host: string; readonly port: number } | undefined;
  /** The ids of client and cluster, once a broker has answered. */
  ids(): { readonly clientId: string | undefined; readonly clusterId: string | undefined };
  fetch(leader: string, call: FetchCall): Promise<PooledFetchResponse>;
  /** Timestamp -1 is the end of a partition, -2 its beginning. */
  listOffsets(
    leader: string,
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolationLevel: IsolationLevel,
  ): Promise<readonly ListedOffset[]>;
  /** The committed offsets of a group. */
  offsetFetch(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly OffsetEntry[]>;
  /** The same with metadata. Fails while offsets of the partitions are part of an open transaction. */
  stableOffsetFetch(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPartition[]>;
  /** Commits as a member of the group, or as a client outside of it. */
  offsetCommit(groupId: string, offsets: readonly OffsetToCommit[], member?: MemberIdentity): Promise<void>;
  /** Sends a request to the coordinator of a group, and waits for the answer for `timeoutMs` if that is longer than usual. */
  coordinated<R>(
    groupId: string,
    request: EncodedRequest,
    read: (body: Buffer) => R & Throttled,
    timeoutMs?: number,
  ): Promise<R>;
  /** Fails where a transactional id has no coordinator yet, or may not be used. */
  findTransactionCoordinator(transactionalId: string): Promise<void>;
  /** The consumers that are members of a group, as `client id (host)`. */
  groupMembers(groupId: string): Promise<readonly string[]>;
}

const metadataApi = { apiKey: 3, apiName: 'Metadata' } as const;
const listOffsetsApi = { apiKey: 2, apiVersion: 5, apiName: 'ListOffsets' } as const;
const fetchApi = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' } as const;
const findCoordinatorApi = { apiKey: 10, apiVersion: 2, apiName: 'FindCoordinator' } as const;
const offsetCommitApi = { apiKey: 8, apiVersion: 7, apiName: 'OffsetCommit' } as const;
const offsetFetchApi = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' } as const;

/** @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4 */
export function kafkajsPort(kafka: Kafka): KafkajsPort {
  const cluster = makeCluster(kafka);
  const buffers = new ResponseBuffers();
  const guard = new ConnectionGuard({
    allocate: (length) => buffers.take(length),
    plainSocketSource: plainSocketSource(kafka),
  });
  guard.watch(cluster.brokerPool.connectionPoolBuilder);
  const brokers = new BrokerRegistry(cluster);
  let clientId: string | undefined;
  let clusterId: string | undefined;

  /** Asks any broker; which brokers there are is learned from each answer. */
  const metadata = async (topics?: readonly string[]): Promise<readonly TopicMetadata[]> => {
    const response = await brokers.any((broker) => {
      clientId = broker.connectionPool.clientId;
      const version = metadataVersion(broker.versions?.[metadataApi.apiKey]?.maxVersion ?? 0);
      const request = { ...metadataApi, apiVersion: version, bytes: encodeMetadataRequest(version, topics) };
      return sendOverBroker(broker, request, (body) => readMetadataResponse(version, body));
    });
    checkMetadata(response, topics);
    clusterId = response.clusterId || undefined;
    await brokers.learn(response.brokers);
    return response.topics;
  };

  const findCoordinator = async (kind: CoordinatedKind, key: string): Promise<string> => {
    const request = { ...findCoordinatorApi, bytes: encodeFindCoordinator(key, kind) };
    const { nodeId, host, port } = await brokers.any(async (broker) => {
      const found = await sendOverBroker(broker, request, readFindCoordinatorResponse);
      if (found.errorCode !== 0) throw responseError('FindCoordinator', found.errorCode, { [kind]: key });
      return found;
    });
    await brokers.learnOne({ nodeId, host, port, rack: '' });
    return String(nodeId);
  };
  const coordinators = new GroupCoordinators({
    find: (groupId) => findCoordinator('group', groupId),
    connect: (nodeId) => brokers.node(nodeId),
  });
  const withCoordinator: GroupCoordinators['ask'] = (groupId, request) => coordinators.ask(groupId, request);

  return {
    connect: async () => void (await metadata([])),
    disconnect: () => guard.close(),
    metadata,
    leaders: async (topics) => {
      const found = await metadata(topics);
      const failed = found.find(({ errorCode }) => errorCode !== 0);
      if (failed) throw responseError('Metadata', failed.errorCode, topicOf(failed));
      return found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, leader }) => ({ topic, partition, leader: String(leader) })),
      );
    },
    maxVersion: async (nodeId, apiKey) => (await brokers.node(nodeId)).versions?.[apiKey]?.maxVersion ?? 0,
    request: async (nodeId, request, read) => sendOverBroker(await brokers.node(nodeId), request, read),
    address: (nodeId) => brokers.address(nodeId),
    ids: () => ({ clientId, clusterId }),
    fetch: async (leader, call) => {
      const broker = await brokers.node(leader);
      const { read, ...request } = fetchRequest(broker, call);
      const byId = request.apiVersion === fetchByIdVersion;
      const take = (body: Buffer) => {
        return { ...checkAsked('Fetch', call.partitions, read(body)), byId, refCount: buffers.refCountOf(body) };
      };
      return sendOverBroker(broker, request, take, { brokerWaitMs: call.maxWait });
    },
    listOffsets: async (leader, partitions, timestamp, isolation) => {
      const broker = await brokers.node(leader);
      const topics = groupByTopic(partitions, ({ partition }) => partition);
      const call = { topics, timestamp, isolationLevel: isolation };
      const request = { ...listOffsetsApi, bytes: encodeListOffsetsRequest(call) };
      const { partitions: found } = await sendOverBroker(broker, request, readListOffsetsResponse);
      return complete('ListOffsets', partitions, found);
    },
    offsetFetch: (groupId, partitions) =>
      withCoordinator(groupId, async (broker) => {
        const topics = groupByTopic(partitions, ({ partition }) => ({ partition }));
        const { responses } = await broker.offsetFetch({ groupId, topics });
        return complete('OffsetFetch', partitions, flatten(responses));
      }),
    stableOffsetFetch: (groupId, partitions) =>
      withCoordinator(groupId, async (broker) => {
        const topics = groupByTopic(partitions, ({ partition }) => partition);
        const request = { ...offsetFetchApi, bytes: encodeStableOffsetFetch(groupId, topics) };
        const { errorCode, partitions: found } = await sendOverBroker(broker, request, readOffsetFetchResponse);
        const failed = found.find((one) => one.errorCode !== 0);
        const code = errorCode || failed?.errorCode;
        if (code) throw responseError('OffsetFetch', code, { group: groupId, ...topicOf(failed) });
        return complete('OffsetFetch', partitions, found);
      }),
    offsetCommit: (groupId, offsets, member) =>
      withCoordinator(groupId, async (broker) => {
        const topics = groupByTopic(offsets, ({ partition, offset, metadata }) => ({ partition, offset, metadata }));
        const request = { ...offsetCommitApi, bytes: encodeOffsetCommit(groupId, member, topics) };
        const { partitions } = await sendOverBroker(broker, request, readOffsetCommitResponse);
        const failed = partitions.find(({ errorCode }) => errorCode !== 0);
        if (failed) throw responseError('OffsetCommit', failed.errorCode, { group: groupId, ...topicOf(failed) });
        complete('OffsetCommit', offsets, partitions);
      }),
    coordinated: (groupId, request, read, timeoutMs) =>
      withCoordinator(groupId, (broker) => sendOverBroker(broker, request, read, { timeoutMs })),
    findTransactionCoordinator: async (transactionalId) => {
      await findCoordinator('transactionalId', transactionalId);
    },
    groupMembers: (groupId) =>
      withCoordinator(groupId, async (broker) => {
        const { groups } = await broker.describeGroups({ groupIds: [groupId] });
        return groups.flatMap(({ members }) =>
          members.map(({ clientId, clientHost }) => `${clientId} (${clientHost})`),
        );
      }),
  };
}

/** Names topics by ids where the broker can and all ids are known, else by their names. */
function fetchRequest(
  { versions }: Broker,
  call: FetchCall,
): EncodedRequest & { readonly read: (body: Buffer) => FetchResponse } {
  const names = new Map(call.partitions.map(({ topic, topicId }) => [topicId, topic]));
  const maxVersion = versions?.[fetchApi.apiKey]?.maxVersion ?? 0;
  if (maxVersion < fetchByIdVersion || names.has(undefined)) {
    return { ...fetchApi, bytes: encodeFetchRequest(call), read: readFetchResponse };
  }
  const read = (body: Buffer) => readFetchByIdResponse(body, (topicId) => names.get(topicId) ?? '');
  return { ...fetchApi, apiVersion: fetchByIdVersion, bytes: encodeFetchByIdRequest(call), read };
}

function topicOf(failed: { readonly topic: string } | undefined): { readonly topics?: readonly string[] } {
  return failed ? { topics: [failed.topic] } : {};
}

function flatten(responses: readonly TopicPartitions<{ partition: number; offset: string }>[]): readonly OffsetEntry[] {
  return responses.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
  );
}

/**
 * A partition that is missing from a response would be taken for one without a committed offset, or for an empty one.
 *
 * @throws {ProtocolError} when a partition that was asked for is missing, or another one is there
 */
function complete<E extends TopicPartition>(
  request: string,
  asked: readonly TopicPartition[],
  answers: readonly E[],
): readonly E[] {
  const answered = new Set(answers.map(partitionKey));
  const missing = asked.find((partition) => !answered.has(partitionKey(partition)));
  if (missing) throw new ProtocolError(request, `the response has no answer for ${partitionKey(missing)}`, true);
  return onlyAsked(request, asked, answers);
}

/** @throws {RangeError} when a response has a partition twice, or one that was not asked for: its bytes are damaged */
function onlyAsked<E extends TopicPartition>(
  request: string,
  asked: readonly TopicPartition[],
  answers: readonly E[],
): readonly E[] {
  const open = new Set(asked.map(partitionKey));
  const strange = answers.find((answer) => !open.delete(partitionKey(answer)));
  if (strange) {
    throw new ProtocolError(request, `the response has ${partitionKey(strange)}, which was not asked for`, true);
  }
  return answers;
}

function checkAsked<R extends { readonly partitions: readonly TopicPartition[] }>(
  request: string,
  asked: readonly TopicPartition[],
  response: R,
): R {
  onlyAsked(request, asked, response.partitions);
  return response;
}

/** @throws {ProtocolError} when the response cannot be the answer to the question */
function checkMetadata({ brokers, topics }: MetadataResponse, asked: readonly string[] | undefined): void {
  const fail = (reason: string) => {
    throw new ProtocolError('Metadata', reason, true);
  };
  if (brokers.length === 0) fail('the response names no broker');
  const found = new Set(topics.map(({ topic }) => topic));
  const missing = asked?.find((topic) => !found.has(topic));
  if (missing !== undefined) fail(`the response has no answer for topic "${missing}"`);
  if (found.size !== topics.length) fail('the response has a topic twice');
  if (asked && found.size !== new Set(asked).size) fail('the response has a topic that was not asked for');
  // Of topics that nobody reads nothing is expected.
  for (const { topic, partitions } of asked ? topics : []) {
    const numbers = new Set(partitions.map(({ partition }) => partition));
    const isWhole = partitions.every(({ partition }) => partition >= 0 && partition < numbers.size);
    if (numbers.size !== partitions.length || !isWhole)
      fail(`the partitions of topic "${topic}" are not numbered in turn`);
  }
}
