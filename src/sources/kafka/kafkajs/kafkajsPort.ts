import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { ProtocolError, UnsupportedClientError } from '../../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../../batch/topicPartition.js';
import type { BufferRefCount } from '../protocol/bufferRefCount.js';
import { isRetriable, kafkaErrorName } from '../protocol/errorCodes.js';
import {
  encodeFetchRequest,
  type FetchCall,
  type FetchResponse,
  type IsolationLevel,
  isolationLevels,
  readFetchResponse,
} from '../protocol/fetchProtocol.js';
import { groupByTopic, type TopicPartitions } from '../protocol/groupByTopic.js';
import {
  type CommittedPartition,
  encodeStableOffsetFetch,
  readOffsetFetchResponse,
} from '../protocol/offsetFetchProtocol.js';
import { type ConnectionPoolBuilder, readFetchesInto } from './fetchConnections.js';
import { ResponseBuffers } from './responseBuffers.js';

// This file and `fetchConnections.ts` rely on internals of kafkajs, which is frozen at 2.2.4 and whose package has no `exports` field.
// docs/design/0003-kafka-read-path.md lists what is used and why. Everything else calls the functions of this port.

/** A partition with the node id of its leader. */
export interface PartitionLeader extends TopicPartition {
  readonly leader: string;
}

/** The offset of a partition as kafkajs has it. */
export interface OffsetEntry extends TopicPartition {
  /** As Kafka sends it; -1 for none. */
  readonly offset: string;
}

/** A response in a pooled buffer. Readers retain it; the caller of `fetch` releases it once they have. */
export interface PooledFetchResponse extends FetchResponse {
  readonly refCount?: BufferRefCount | undefined;
}

/** What the client needs of kafkajs. It fails with kafkajs's own errors, which the caller translates. */
export interface KafkajsPort {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** The names of all topics. */
  topicNames(): Promise<readonly string[]>;
  /** Partitions and their leaders, fresh from a broker. Fails when a topic does not exist. */
  leaders(topics: readonly string[]): Promise<readonly PartitionLeader[]>;
  fetch(leader: string, call: Omit<FetchCall, 'isolationLevel'>): Promise<PooledFetchResponse>;
  /** Timestamp -1 is the end of a partition, -2 its beginning. */
  listOffsets(
    leader: string,
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolationLevel: IsolationLevel,
  ): Promise<readonly OffsetEntry[]>;
  /** The committed offsets of a group. */
  offsetFetch(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly OffsetEntry[]>;
  /** The same with metadata. Fails while offsets of the partitions are part of an open transaction. */
  stableOffsetFetch(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPartition[]>;
  offsetCommit(groupId: string, offsets: readonly OffsetEntry[]): Promise<void>;
}

interface Broker {
  readonly connectionPool: {
    send(call: { request: unknown; response: unknown; requestTimeout?: number }): Promise<unknown>;
  };
  listOffsets(
    request: unknown,
  ): Promise<{ responses: readonly TopicPartitions<{ partition: number; offset: string }>[] }>;
  offsetFetch(
    request: unknown,
  ): Promise<{ responses: readonly TopicPartitions<{ partition: number; offset: string }>[] }>;
  offsetCommit(request: unknown): Promise<unknown>;
}

interface Cluster {
  readonly brokerPool: {
    readonly metadata?: { topicMetadata?: readonly TopicMetadata[] };
    readonly connectionPoolBuilder?: ConnectionPoolBuilder;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  metadata(request: { topics: readonly string[] }): Promise<{ topicMetadata: readonly TopicMetadata[] }>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findBroker(request: { nodeId: string }): Promise<Broker>;
  findGroupCoordinator(request: { groupId: string }): Promise<Broker>;
}

interface TopicMetadata {
  readonly topic: string;
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
}

/** The description of the symbol under which `Kafka` has its factory of clusters. */
const createCluster = 'private:Kafka:createCluster';
/** How long kafkajs may use metadata before it asks again. */
const metadataMaxAgeMs = 300_000;
const fetchApi = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' } as const;
const offsetFetchApi = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' } as const;

/** @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4 */
export function kafkajsPort(kafka: Kafka, isolationLevel: IsolationLevel): KafkajsPort {
  const cluster = makeCluster(kafka, isolationLevel);
  const Encoder = loadEncoder();
  const encoded = (bytes: Buffer) => async () => new Encoder().writeBuffer(bytes);
  const buffers = new ResponseBuffers();
  const { connectionPoolBuilder } = cluster.brokerPool;
  if (connectionPoolBuilder) readFetchesInto(buffers, connectionPoolBuilder);
  const coordinators = new Map<string, Promise<Broker>>();

  /** The coordinator of a group is looked up once, and again after any failure. */
  const withCoordinator = async <R>(groupId: string, call: (broker: Broker) => Promise<R>): Promise<R> => {
    const found = coordinators.get(groupId) ?? cluster.findGroupCoordinator({ groupId });
    coordinators.set(groupId, found);
    try {
      return await call(await found);
    } catch (error) {
      coordinators.delete(groupId);
      throw error;
    }
  };

  return {
    connect: () => cluster.connect(),
    disconnect: () => cluster.disconnect(),
    topicNames: async () => (await cluster.metadata({ topics: [] })).topicMetadata.map(({ topic }) => topic),
    leaders: async (topics) => {
      await cluster.addMultipleTargetTopics(topics);
      await cluster.refreshMetadata();
      const wanted = new Set(topics);
      const metadata = cluster.brokerPool.metadata?.topicMetadata ?? [];
      return metadata.filter(({ topic }) => wanted.has(topic)).flatMap(leadersOf);
    },
    fetch: async (leader, call) => {
      const broker = await cluster.findBroker({ nodeId: leader });
      const request = { ...fetchApi, encode: encoded(encodeFetchRequest({ ...call, isolationLevel })) };
      return send(broker, request, (body) => ({ ...readFetchResponse(body), refCount: buffers.refCountOf(body) }));
    },
    listOffsets: async (leader, partitions, timestamp, isolation) => {
      const broker = await cluster.findBroker({ nodeId: leader });
      const topics = groupByTopic(partitions, ({ partition }) => ({ partition, timestamp }));
      const { responses } = await broker.listOffsets({
        replicaId: -1,
        isolationLevel: isolationLevels[isolation],
        topics,
      });
      return complete('ListOffsets', partitions, flatten(responses));
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
        const request = { ...offsetFetchApi, encode: encoded(encodeStableOffsetFetch(groupId, topics)) };
        const { errorCode, partitions: found } = await send(broker, request, readOffsetFetchResponse);
        const failed = errorCode || found.find((one) => one.errorCode !== 0)?.errorCode;
        if (failed) throw new ProtocolError('OffsetFetch', kafkaErrorName(failed), isRetriable(failed));
        return complete('OffsetFetch', partitions, found);
      }),
    offsetCommit: (groupId, offsets) =>
      withCoordinator(groupId, async (broker) => {
        const topics = groupByTopic(offsets, ({ partition, offset }) => ({ partition, offset }));
        // Generation -1 and no member id: the commit of a client that is not a member of the group.
        await broker.offsetCommit({ groupId, groupGenerationId: -1, memberId: '', topics });
      }),
  };
}

/** Sends a request of our own over a connection of kafkajs. */
async function send<R extends { readonly throttleTime: number }>(
  broker: Broker,
  request: unknown,
  read: (body: Buffer) => R,
): Promise<R> {
  const response = {
    // kafkajs waits for `clientSideThrottleTime` before it sends the next request (KIP-219).
    decode: async (body: Buffer) => {
      const decoded = read(body);
      return { ...decoded, clientSideThrottleTime: decoded.throttleTime };
    },
    parse: async (decoded: R) => decoded,
  };
  return (await broker.connectionPool.send({ request, response })) as R;
}

function makeCluster(kafka: Kafka, isolationLevel: IsolationLevel): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((own) => own.description === createCluster);
  const create = symbol && (kafka as unknown as Record<symbol, unknown>)[symbol];
  if (typeof create !== 'function') {
    throw new UnsupportedClientError(
      'kafkajs',
      `the given object is no Kafka of kafkajs 2.2.4: it has no "${createCluster}"`,
    );
  }
  const cluster = create({
    metadataMaxAge: metadataMaxAgeMs,
    allowAutoTopicCreation: false,
    isolationLevel: isolationLevels[isolationLevel],
  }) as Cluster;
  for (const method of ['connect', 'refreshMetadata', 'findBroker', 'findGroupCoordinator', 'metadata'] as const) {
    if (typeof cluster[method] === 'function') continue;
    throw new UnsupportedClientError('kafkajs', `its cluster has no ${method}: version 2.2.4 is needed`);
  }
  return cluster;
}

/** kafkajs takes requests as instances of its own class. */
function loadEncoder(): new () => { writeBuffer(bytes: Buffer): unknown } {
  try {
    return createRequire(import.meta.url)('kafkajs/src/protocol/encoder.js') as ReturnType<typeof loadEncoder>;
  } catch (cause) {
    const missing = 'kafkajs/src/protocol/encoder.js cannot be loaded: version 2.2.4 is needed';
    throw new UnsupportedClientError('kafkajs', missing, { cause });
  }
}

function leadersOf({ topic, partitionMetadata }: TopicMetadata): readonly PartitionLeader[] {
  return partitionMetadata.map(({ partitionId, leader }) => ({
    topic,
    partition: partitionId,
    leader: String(leader),
  }));
}

function flatten(responses: readonly TopicPartitions<{ partition: number; offset: string }>[]): readonly OffsetEntry[] {
  return responses.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
  );
}

/** A partition that is missing from a response would be taken for one without a committed offset, or for an empty one. */
function complete<E extends TopicPartition>(
  request: string,
  asked: readonly TopicPartition[],
  answers: readonly E[],
): readonly E[] {
  const answered = new Set(answers.map(partitionKey));
  const missing = asked.find((partition) => !answered.has(partitionKey(partition)));
  if (missing) throw new ProtocolError(request, `the response has no answer for ${partitionKey(missing)}`, true);
  return answers;
}
