import type { Kafka } from 'kafkajs';
import type { ConnectionError } from '../../../batch/errors.js';
import { ConnectionGuard } from './connectionGuard.js';
import { type Broker, clusterFactory } from './kafkajsCluster.js';

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
  const { symbol, create } = clusterFactory(kafka);
  const guardedCreate = (options: unknown) => {
    const cluster = create(options);
    const { brokerPool } = cluster;
    const { createBroker } = brokerPool;
    brokerPool.createBroker = (broker) => {
      const made = createBroker.call(brokerPool, broker);
      adapt(made);
      return made;
    };
    guards.push(new ConnectionGuard(brokerPool.connectionPoolBuilder, { lost: closedConnection }));
    return cluster;
  };
  const client: Kafka = Object.create(kafka, { [symbol]: { value: guardedCreate } });
  const close = () => {
    for (const guard of guards) guard.close();
  };
  return { client, close };
}

/** kafkajs itself asks for metadata again, and repeats the request, by the name of the error. */
function closedConnection(cause: ConnectionError): Error {
  return Object.assign(new Error(cause.message, { cause }), { name: 'KafkaJSConnectionClosedError', retriable: true });
}
