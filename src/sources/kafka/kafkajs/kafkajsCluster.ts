import type { Kafka, KafkaConfig } from 'kafkajs';
import { UnsupportedClientError } from '../../../batch/errors.js';
import type { TopicPartitions } from '../protocol/groupByTopic.js';
import type { ConnectionPoolBuilder } from './kafkajsConnection.js';
import type { PartitionMessages } from './partitionMessages.js';

// What is used of kafkajs's clusters and brokers. kafkajs is frozen at 2.2.4 and its package has no `exports` field.
// docs/design/0003-kafka-read-path.md lists what is used and why.

/** A broker of kafkajs: its connections, and the requests that kafkajs encodes itself. */
export interface Broker {
  /** The newest version of each API that the broker has, by API key; known once it is connected. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>> | null;
  readonly connectionPool: {
    /** The client id of the user's client. */
    readonly clientId?: string;
    send(call: {
      request: unknown;
      response: unknown;
      requestTimeout?: number;
      brokerWaitMs?: number;
    }): Promise<unknown>;
  };
  isConnected(): boolean;
  /** Connects, asks for the versions, and authenticates. */
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Writes messages. */
  produce(request: ProduceRequest): Promise<unknown>;
  /** Takes a transactional id, or a producer id without one. */
  initProducerId(request: unknown): Promise<unknown>;
  /** Announces the partitions that are written to the coordinator of a transaction. */
  addPartitionsToTxn(request: ProducerIdentity): Promise<unknown>;
  /** Announces the offsets of a group to the coordinator of a transaction. */
  addOffsetsToTxn(request: ProducerIdentity): Promise<unknown>;
  /** Ends a transaction: commits it, or aborts it. */
  endTxn(request: TxnEnd): Promise<unknown>;
  /** Adds offsets to a transaction, by version 1: without a member of the group. */
  txnOffsetCommit(request: TxnOffsets): Promise<unknown>;
  offsetFetch(
    request: unknown,
  ): Promise<{ responses: readonly TopicPartitions<{ partition: number; offset: string }>[] }>;
  describeGroups(request: { readonly groupIds: readonly string[] }): Promise<{
    readonly groups: readonly {
      readonly members: readonly { readonly clientId: string; readonly clientHost: string }[];
    }[];
  }>;
}

/** Who writes in a transaction. */
export type ProducerIdentity = Pick<TxnOffsets, 'producerId' | 'producerEpoch'>;

/** What kafkajs writes to a broker, where each partition has its messages as one. */
export interface ProduceRequest {
  readonly transactionalId: string | undefined;
  readonly producerId: number | string;
  readonly producerEpoch: number;
  /** How long the broker may wait for its replicas, in ms. */
  readonly timeout?: number;
  readonly topicData: readonly TopicPartitions<{
    readonly partition: number;
    readonly messages: readonly [PartitionMessages];
  }>[];
}

/** How the transaction of a producer ends. */
export interface TxnEnd extends ProducerIdentity {
  /** Whether it is committed. */
  readonly transactionResult: boolean;
}

/** What kafkajs adds to a transaction. */
export interface TxnOffsets {
  readonly transactionalId: string;
  readonly producerId: number | string;
  readonly producerEpoch: number;
  readonly groupId: string;
  readonly topics: readonly TopicPartitions<{
    readonly partition: number;
    readonly offset: string;
    readonly metadata: string;
  }>[];
}

/** A cluster of kafkajs, of which only the parts are used that make connections and brokers. */
export interface Cluster {
  readonly brokerPool: {
    readonly rootLogger: unknown;
    readonly connectionPoolBuilder: ConnectionPoolBuilder;
    createBroker: (options: { readonly connectionPool: unknown; readonly logger: unknown }) => Broker;
  };
}

/** The description of the symbol under which `Kafka` has its factory of clusters. */
const createCluster = 'private:Kafka:createCluster';

/** @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4 */
export function makeCluster(kafka: Kafka): Cluster {
  return clusterFactory(kafka).create({ allowAutoTopicCreation: false });
}

/**
 * How a `Kafka` makes clusters, and the symbol under which it has that.
 *
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 */
export function clusterFactory(kafka: Kafka): { readonly symbol: symbol; create(options: unknown): Cluster } {
  const symbol = factorySymbol(Object(kafka));
  const create = symbol && (kafka as unknown as Record<symbol, unknown>)[symbol];
  if (!symbol || typeof create !== 'function') {
    throw new UnsupportedClientError(
      'kafkajs',
      `the given object is no Kafka of kafkajs 2.2.4: it has no "${createCluster}"`,
    );
  }
  return { symbol, create: (options) => checked(create(options) as Cluster) };
}

/** Of the client, or of the one that it was derived from by `Object.create`. */
function factorySymbol(client: object | null): symbol | undefined {
  if (client === null) return undefined;
  const found = Object.getOwnPropertySymbols(client).find((own) => own.description === createCluster);
  return found ?? factorySymbol(Object.getPrototypeOf(client));
}

function checked(cluster: Cluster): Cluster {
  const { brokerPool } = cluster;
  if (typeof brokerPool?.createBroker !== 'function' || typeof brokerPool.connectionPoolBuilder?.build !== 'function') {
    throw new UnsupportedClientError('kafkajs', 'its cluster makes no brokers: version 2.2.4 is needed');
  }
  return cluster;
}

/**
 * The source text of the sockets that kafkajs makes where the user has configured none. They are seen on a second client of the user's own
 * class: a bundle has no file of kafkajs to load them from.
 */
export async function plainSocketSource(kafka: Kafka): Promise<string | undefined> {
  try {
    const plain = new (kafka.constructor as new (config: KafkaConfig) => Kafka)({ brokers: ['localhost:9092'] });
    const { pool } = await makeCluster(plain).brokerPool.connectionPoolBuilder.build();
    return String(pool[0]?.socketFactory);
  } catch {
    return undefined;
  }
}
