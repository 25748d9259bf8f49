import type { Kafka } from 'kafkajs';
import type { ConnectionError } from '../../../batch/errors.js';
import { ConnectionGuard } from './connectionGuard.js';
import { type Broker, type Cluster, clusterFactory } from './kafkajsCluster.js';

/** A client of kafkajs that makes its producers and consumers with guarded connections: see `ConnectionGuard`. */
export interface GuardedClient {
  readonly client: Kafka;
  /** Destroys the sockets that they have left behind. */
  close(): void;
}

/**
 * `adapt` may replace methods of each broker that kafkajs makes.
 *
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 */
export function guardedClient(kafka: Kafka, adapt: (broker: Broker) => void = () => {}): GuardedClient {
  const guards: ConnectionGuard[] = [];
  const client = clientWith(kafka, ({ brokerPool }) => {
    adaptBrokers(brokerPool, adapt);
    const guard = new ConnectionGuard({ lost: closedConnection });
    guard.watch(brokerPool.connectionPoolBuilder);
    guards.push(guard);
  });
  const close = () => {
    for (const guard of guards) guard.close();
  };
  return { client, close };
}

/** The user's client, but for what `prepare` changes in each cluster that it makes. */
export function clientWith(kafka: Kafka, prepare: (cluster: Cluster) => void): Kafka {
  const { symbol, create } = clusterFactory(kafka);
  const prepared = (options: unknown) => {
    const cluster = create(options);
    prepare(cluster);
    return cluster;
  };
  return Object.create(kafka, { [symbol]: { value: prepared } });
}

export function adaptBrokers(brokerPool: Cluster['brokerPool'], adapt: (broker: Broker) => void): void {
  const { createBroker } = brokerPool;
  brokerPool.createBroker = (broker) => {
    const made = createBroker.call(brokerPool, broker);
    adapt(made);
    return made;
  };
}

/**
 * kafkajs itself asks for metadata again, and repeats the request, by the name of the error. When the client is closed, it is not to set a
 * timer for that.
 */
export function closedConnection(cause: ConnectionError, isFinal: boolean): Error {
  const name = isFinal ? 'KafkaJSClientClosed' : 'KafkaJSConnectionClosedError';
  return Object.assign(new Error(cause.message, { cause }), { name, retriable: !isFinal });
}
