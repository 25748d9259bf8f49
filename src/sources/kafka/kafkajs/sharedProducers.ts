import type { Kafka, ProducerConfig } from 'kafkajs';
import { InvalidOptionError } from '../../../batch/errors.js';
import { ConnectionGuard } from './connectionGuard.js';
import { adaptBrokers, clientWith, closedConnection } from './guardedClient.js';
import type { GuardedProducer } from './guardedProducer.js';
import type { Broker } from './kafkajsCluster.js';
import type { ConnectionPool, ConnectionPoolBuilder } from './kafkajsConnection.js';

/** A pool of kafkajs as its brokers use it. */
interface BrokerPool extends ConnectionPool {
  isConnected(): boolean;
  setVersions(versions: unknown): void;
  getConnection(index?: number): Promise<unknown>;
  destroy(): Promise<void>;
}

interface SharedPool {
  readonly pool: BrokerPool;
  users: number;
}

/** What one producer has of the pools. */
interface Leases {
  readonly releases: Set<() => void>;
  /** kafkajs may still repeat a request of a producer that is closed: nobody would close the connection that it opens for that. */
  closed: boolean;
}

/**
 * The connections of several producers of kafkajs: one to each broker. Each producer keeps its own metadata, transactional id and order.
 * Connections that nobody uses are closed.
 */
export class SharedProducers {
  readonly #kafka: Kafka;
  readonly #pools = new Map<string, SharedPool>();
  readonly #producers = new Set<GuardedProducer>();
  /** The transactional ids that are in use. */
  readonly #ids = new Set<string>();
  readonly #guard = new ConnectionGuard({ lost: closedConnection });
  #closed: Error | undefined;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  /**
   * A producer. All have the same settings of connections, such as the number of requests in flight. `adapt` may replace methods of each broker
   * that it writes to.
   *
   * @throws {InvalidOptionError} when another one has the same transactional id
   */
  producer(config: ProducerConfig, adapt: (broker: Broker) => void = () => {}): GuardedProducer {
    const { transactionalId: id } = config;
    if (id !== undefined && this.#ids.has(id)) {
      const rule = 'is the transactional id of another stream of this runtime: each stream needs its own';
      throw new InvalidOptionError('sendToKafka', 'groupId', id, rule);
    }
    const leases: Leases = { releases: new Set(), closed: false };
    const client = clientWith(this.#kafka, ({ brokerPool }) => {
      adaptBrokers(brokerPool, adapt);
      this.#share(brokerPool.connectionPoolBuilder, leases);
    });
    const made = {
      producer: client.producer(config),
      close: () => {
        this.#producers.delete(made);
        if (id !== undefined) this.#ids.delete(id);
        leases.closed = true;
        for (const release of leases.releases) release();
      },
    };
    this.#producers.add(made);
    if (id !== undefined) this.#ids.add(id);
    return made;
  }

  /** Destroys all connections. */
  close(error: Error): void {
    this.#closed = error;
    for (const producer of [...this.#producers]) producer.close();
    this.#guard.close();
  }

  #share(builder: ConnectionPoolBuilder, leases: Leases): void {
    const build = builder.build.bind(builder);
    builder.build = async (destination) => {
      // It has no socket yet.
      const fresh = (await build(destination)) as BrokerPool;
      if (this.#closed) throw this.#closed;
      const place = `${fresh.host}:${fresh.port}`;
      const known = this.#pools.get(place);
      const shared = known ?? { pool: fresh, users: 0 };
      if (!known) {
        this.#guard.take(fresh);
        this.#pools.set(place, shared);
      }
      const { pool, release } = leasedPool(shared, leases, destination?.rack);
      leases.releases.add(release);
      return pool;
    };
  }
}

/** A pool as one broker object of kafkajs sees it. That learns which requests it may send while it connects, so it has to at first. */
function leasedPool(
  shared: SharedPool,
  leases: Leases,
  rack: string | undefined,
): { readonly pool: BrokerPool; readonly release: () => void } {
  const { pool } = shared;
  let entered = false;
  let used = false;
  const release = () => {
    entered = false;
    if (!used) return;
    used = false;
    if (--shared.users === 0) void pool.destroy();
  };
  const own = {
    rack: { value: rack, writable: true },
    isConnected: { value: () => entered && pool.isConnected() },
    setVersions: {
      value: (versions: unknown) => {
        pool.setVersions(versions);
        entered = true;
      },
    },
    getConnection: {
      value: async (index?: number) => {
        // kafkajs would try again, after a pause.
        if (leases.closed) throw Object.assign(new Error('the producer is closed'), { retriable: false });
        if (!used) shared.users++;
        used = true;
        return pool.getConnection(index);
      },
    },
    destroy: { value: async () => release() },
  };
  return { pool: Object.create(pool, own) as BrokerPool, release };
}
