import type { Kafka, ProducerConfig } from 'kafkajs';
import { InvalidOptionError, RuntimeClosedError } from '../../../batch/errors.js';
import type { SharedBytes } from '../../../batch/monitoring/streamSnapshot.js';
import { checkOptions, type OptionChecks } from '../../../options/checkOptions.js';
import { checkPositiveInteger } from '../../../options/checks.js';
import { minStreamBytes, SharedBudget } from '../../log/sharedBudget.js';
import type { GuardedProducer } from './guardedProducer.js';
import type { Broker } from './kafkajsCluster.js';
import { type KafkajsPort, kafkajsPort } from './kafkajsPort.js';
import { SharedPort } from './sharedPort.js';
import { SharedProducers } from './sharedProducers.js';

/** Options of `kafkaRuntime`. */
export interface KafkaRuntimeOptions {
  /**
   * Bound on the bytes that all streams of the runtime have read ahead and that are in no batch yet. Each stream may hold 1 MiB of it at any
   * time; the rest goes to those that need it, in equal shares where it is scarce.
   * @default 134217728
   */
  readonly maxBytes?: number | undefined;
}

/** What a runtime does, now. */
export interface KafkaRuntimeSnapshot {
  /** The streams and outputs that have connections through it. */
  readonly clients: number;
  /** The bytes that its streams have read ahead. */
  readonly bytes: SharedBytes;
  /** The id that the client has at its brokers; `undefined` before a broker has answered, and when nothing is connected. */
  readonly clientId: string | undefined;
  /** The id of the cluster, likewise. */
  readonly clusterId: string | undefined;
}

const defaultMaxBytes = 128 * 1024 * 1024;

const runtimeChecks: OptionChecks<KafkaRuntimeOptions> = { maxBytes: checkMaxBytes };

function checkMaxBytes(owner: string, option: string, bytes: number): void {
  checkPositiveInteger(owner, option, bytes);
  if (bytes >= minStreamBytes) return;
  throw new InvalidOptionError(owner, option, bytes, `must be at least ${minStreamBytes}, what one stream needs`);
}

/** What streams and outputs use of a client, or of a runtime. */
export interface KafkaAccess {
  /** The user's client. */
  readonly kafka: Kafka;
  /** Connections for requests: those of a runtime, or some of its own. */
  port(): KafkajsPort;
  /** `adapt` may replace methods of each broker that it writes to. */
  producer(config: ProducerConfig, adapt?: (broker: Broker) => void): GuardedProducer;
  /** The budget of a runtime. */
  readonly budget: SharedBudget | undefined;
}

/** What streams of one process share: see `kafkaRuntime`, which makes it. */
export class KafkaRuntime {
  readonly #kafka: Kafka;
  readonly #port: SharedPort;
  readonly #producers: SharedProducers;
  readonly #budget: SharedBudget;
  #closed: RuntimeClosedError | undefined;

  /**
   * `kafkaRuntime` makes it.
   * @internal
   */
  constructor(kafka: Kafka, { maxBytes = defaultMaxBytes }: KafkaRuntimeOptions) {
    this.#kafka = kafka;
    this.#port = new SharedPort(() => kafkajsPort(kafka));
    this.#producers = new SharedProducers(kafka);
    this.#budget = new SharedBudget(maxBytes, { later: (work) => void Promise.resolve().then(work) });
  }

  /** What the runtime does, now. */
  snapshot(): KafkaRuntimeSnapshot {
    return { clients: this.#port.clients, bytes: this.#budget.bytes, ...this.#port.ids };
  }

  /**
   * Closes all connections at once. Streams that still run fail with a `RuntimeClosedError`: stop them first. A runtime whose streams have
   * ended has no connection, and keeps no process alive, so that closing it only prevents others.
   */
  async close(): Promise<void> {
    this.#closed ??= new RuntimeClosedError();
    this.#port.close(this.#closed);
    this.#producers.close(this.#closed);
  }

  /**
   * What streams and outputs use of it.
   * @internal
   */
  access(): KafkaAccess {
    if (this.#closed) throw this.#closed;
    return {
      kafka: this.#kafka,
      port: () => this.#port.lease(),
      producer: (config, adapt) => this.#producers.producer(config, adapt),
      budget: this.#budget,
    };
  }
}

/**
 * Connections, producers and buffers for several streams of one process: hand it to them in place of your kafkajs client. To each broker there
 * is one connection for fetches, one for all other requests and one for what is written, with any number of streams, and what streams with
 * one interval ask at a tick is one request.
 *
 * What the streams have read ahead is within one budget of bytes. It is shared by need, in equal shares where it is scarce, and each stream
 * has a minimum that nobody takes from it: one that is stalled does not hold up the others.
 *
 * Connections are made for the first stream and closed with the last one. Groups that processes join (`kafkaTasks`, `membership:
 * 'exclusive'`, `kafkaReceiver`) have a connection of their own, because a join waits in it.
 *
 * A transactional id is one stream's: outputs of several streams (`sendToKafka`, `deadLetterTopic`) share connections, and each stream has a
 * `groupId` of its own.
 *
 * @param kafka Your client.
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 *
 * @see {@link kafkaBatches}
 * @see {@link batchesFrom} for several sources in step, on one driver
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, json } from 'dstream';
 * import { kafkaBatches, kafkaRuntime } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 *
 * const runtime = kafkaRuntime(new Kafka({ brokers: ['localhost:9092'] }), { maxBytes: 64 * 1024 * 1024 });
 * const streams = ['orders', 'payments', 'returns'].map((topic) =>
 *   kafkaBatches(runtime, { topics: [topic], groupId: `count-${topic}`, interval: 1_000, deserialize: json() }),
 * );
 * for (const stream of streams) stream.pipe(foreachBatch((records) => console.log(records.length))).subscribe();
 * process.once('SIGTERM', async () => {
 *   await Promise.all(streams.map((stream) => stream.stop()));
 *   await runtime.close();
 * });
 * ```
 */
export function kafkaRuntime(kafka: Kafka, options: KafkaRuntimeOptions = {}): KafkaRuntime {
  checkOptions('kafkaRuntime', options, runtimeChecks);
  // Fails now if `kafka` is not supported.
  kafkajsPort(kafka);
  return new KafkaRuntime(kafka, options);
}
