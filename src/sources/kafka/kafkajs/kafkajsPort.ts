import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { ProtocolError, UnsupportedClientError } from '../../../batch/errors.js';
import type { BufferLoan } from '../protocol/bufferLoan.js';
import { byTopic, type TopicPartitions } from '../protocol/byTopic.js';
import type { Encoder } from '../protocol/encoder.js';
import { type FetchPartition, type FetchResponse, readFetchResponse } from '../protocol/fetchProtocol.js';
import {
  type CommittedPartition,
  encodeStableOffsetFetch,
  readOffsetFetchResponse,
} from '../protocol/offsetFetchProtocol.js';
import { type ConnectionPoolBuilder, readFetchesInto } from './fetchConnections.js';
import { isPassing, kafkaErrorName } from './kafkaErrors.js';
import { ResponseBuffers } from './responseBuffers.js';

// This file and `fetchConnections.ts` know kafkajs from within. kafkajs is frozen at 2.2.4 and its package has no `exports` field; what is
// used here and why stands in docs/design/0003-kafka-read-path.md. Everything else speaks to the functions of this port.

export type IsolationLevel = 'read_committed' | 'read_uncommitted';

/** A partition with the id of the broker that leads it. */
export interface PartitionLeader {
  readonly topic: string;
  readonly partition: number;
  readonly leader: string;
}

export interface FetchCall {
  readonly partitions: readonly FetchPartition[];
  readonly maxWait: number;
  readonly maxBytes: number;
}

export interface OffsetEntry {
  readonly topic: string;
  readonly partition: number;
  /** As Kafka sends it; -1 for none. */
  readonly offset: string;
}

/** A response in a buffer that is used again: who reads from it holds the loan. Who asked for it has to let go of it. */
export interface LentResponse extends FetchResponse {
  readonly loan?: BufferLoan | undefined;
}

/** What the client needs of kafkajs. Errors are kafkajs's own; they are translated further up. */
export interface KafkajsPort {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** The names of all topics. */
  topicNames(): Promise<readonly string[]>;
  /** Partitions and their leaders, fresh from a broker. Fails when a topic is not there. */
  leaders(topics: readonly string[]): Promise<readonly PartitionLeader[]>;
  fetch(leader: string, call: FetchCall): Promise<LentResponse>;
  /** Timestamp -1 is the end, -2 the beginning. */
  listOffsets(
    leader: string,
    partitions: readonly { topic: string; partition: number }[],
    timestamp: number,
  ): Promise<readonly OffsetEntry[]>;
  offsetFetch(
    groupId: string,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<readonly OffsetEntry[]>;
  /** The same with metadata. Fails while a transaction has offsets of the partitions that is not ended. */
  stableOffsetFetch(
    groupId: string,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<readonly CommittedPartition[]>;
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

const createCluster = 'private:Kafka:createCluster';
const isolationLevels = { read_uncommitted: 0, read_committed: 1 } as const;
const fetchApi = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' } as const;
const offsetFetchApi = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' } as const;

/** @throws {UnsupportedClientError} when the client has not got what this port stands on */
export function kafkajsPort(kafka: Kafka, isolationLevel: IsolationLevel): KafkajsPort {
  const cluster = makeCluster(kafka, isolationLevel);
  const NewEncoder = loadEncoder();
  const buffers = new ResponseBuffers();
  const { connectionPoolBuilder } = cluster.brokerPool;
  if (connectionPoolBuilder) readFetchesInto(buffers, connectionPoolBuilder);
  const coordinators = new Map<string, Promise<Broker>>();
  const isolation = isolationLevels[isolationLevel];

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
      const request = { ...fetchApi, encode: async () => encodeFetch(new NewEncoder(), call, isolation) };
      return send(broker, request, (body) => ({ ...readFetchResponse(body), loan: buffers.loanOf(body) }));
    },
    listOffsets: async (leader, partitions, timestamp) => {
      const broker = await cluster.findBroker({ nodeId: leader });
      const topics = byTopic(partitions, ({ partition }) => ({ partition, timestamp }));
      const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel: isolation, topics });
      return flatten(responses);
    },
    offsetFetch: (groupId, partitions) =>
      withCoordinator(groupId, async (broker) => {
        const topics = byTopic(partitions, ({ partition }) => ({ partition }));
        return flatten((await broker.offsetFetch({ groupId, topics })).responses);
      }),
    stableOffsetFetch: (groupId, partitions) =>
      withCoordinator(groupId, async (broker) => {
        const topics = byTopic(partitions, ({ partition }) => partition);
        const encode = async () => encodeStableOffsetFetch(new NewEncoder(), groupId, topics);
        const { errorCode, partitions: found } = await send(
          broker,
          { ...offsetFetchApi, encode },
          readOffsetFetchResponse,
        );
        const failed = errorCode || found.find((one) => one.errorCode !== 0)?.errorCode;
        if (failed) throw new ProtocolError('OffsetFetch', kafkaErrorName(failed), isPassing(failed));
        return found;
      }),
    offsetCommit: (groupId, offsets) =>
      withCoordinator(groupId, async (broker) => {
        const topics = byTopic(offsets, ({ partition, offset }) => ({ partition, offset }));
        // Generation -1 and no member: the commit of a client that does not take part in the group.
        await broker.offsetCommit({ groupId, groupGenerationId: -1, memberId: '', topics });
      }),
  };
}

/** A request of our own over a connection of kafkajs. */
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
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: isolationLevels[isolationLevel],
  }) as Cluster;
  for (const method of ['connect', 'refreshMetadata', 'findBroker', 'findGroupCoordinator', 'metadata'] as const) {
    if (typeof cluster[method] === 'function') continue;
    throw new UnsupportedClientError('kafkajs', `its cluster has no ${method}: version 2.2.4 is needed`);
  }
  return cluster;
}

function loadEncoder(): new () => Encoder {
  try {
    return createRequire(import.meta.url)('kafkajs/src/protocol/encoder.js') as new () => Encoder;
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

function encodeFetch(encoder: Encoder, { partitions, maxWait, maxBytes }: FetchCall, isolation: number): Encoder {
  encoder.writeInt32(-1).writeInt32(maxWait).writeInt32(1).writeInt32(maxBytes).writeInt8(isolation);
  encoder.writeInt32(0).writeInt32(-1); // no fetch session
  const topics = byTopic(partitions, (partition) => partition);
  encoder.writeInt32(topics.length);
  for (const topic of topics) {
    encoder.writeString(topic.topic).writeInt32(topic.partitions.length);
    for (const { partition, offset, maxBytes: partitionMaxBytes } of topic.partitions) {
      encoder.writeInt32(partition).writeInt32(-1).writeInt64(offset).writeInt64(-1).writeInt32(partitionMaxBytes);
    }
  }
  return encoder.writeInt32(0).writeString('');
}

function flatten(responses: readonly TopicPartitions<{ partition: number; offset: string }>[]): readonly OffsetEntry[] {
  return responses.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
  );
}
