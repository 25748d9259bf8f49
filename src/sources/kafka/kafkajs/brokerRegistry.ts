import { CertificateError, ConnectionError, type DStreamError } from '../../../batch/errors.js';
import { firstOf } from '../../../storage/firstOf.js';
import type { BrokerAddress } from '../protocol/metadataProtocol.js';
import type { Broker, Cluster } from './kafkajsCluster.js';
import { translateError } from './translateError.js';

/** Pauses between the attempts to connect to one broker: meanwhile it fails with the error of the last attempt. */
const firstPauseMs = 100;
const maxPauseMs = 1_000;
/** After this time without an answer another broker is asked as well. */
const silenceMs = 1_000;

/**
 * The brokers of a cluster, each with connections of its own, which are made when they are needed. kafkajs's own pool of brokers
 * is not used: it waits for one broker before it asks another, remembers addresses that are gone, and has pauses of many seconds
 * that nothing ends.
 */
export class BrokerRegistry {
  readonly #cluster: Cluster;
  readonly #nodes = new Map<string, KnownBroker>();
  /** The bootstrap broker that answered last, as long as it is not among the nodes. */
  #bootstrap: KnownBroker | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Where a node listens; `undefined` for one that is not known. */
  address(nodeId: string): { readonly host: string; readonly port: number } | undefined {
    return this.#nodes.get(nodeId)?.address;
  }

  /** A broker by its node id, connected. */
  async node(nodeId: string): Promise<Broker> {
    const node = this.#nodes.get(nodeId);
    if (!node) throw new ConnectionError([`node ${nodeId}`], { cause: new Error('no broker has this node id') });
    return node.connected();
  }

  /**
   * Asks one broker after the other until one answers: first those that have answered before, the last one first, then the other
   * nodes, then the bootstrap brokers. One that is silent for a while is not waited for alone. An error that another broker would
   * return too ends it.
   */
  async any<R>(ask: (broker: Broker) => Promise<R>): Promise<R> {
    const candidates = this.#candidates();
    const attempts = new Map<KnownBroker, Promise<Outcome<R>>>();
    let failure: DStreamError | undefined;
    for (let exhausted = false; ; ) {
      const next = exhausted ? undefined : (await candidates.next()).value;
      if (next) attempts.set(next, this.#attempt(next, ask));
      else exhausted = true;
      if (attempts.size === 0)
        throw failure ?? new ConnectionError([], { cause: new Error('there is no broker to ask') });
      const outcome = await firstOf([...attempts.values()], exhausted ? undefined : silenceMs);
      if (!outcome) continue;
      attempts.delete(outcome.candidate);
      if (!outcome.failed) return outcome.answer;
      const error = translateError(outcome.error, 'connecting', 'the cluster');
      if (!error.retriable && !(error instanceof CertificateError)) throw outcome.error;
      // A certificate stays as it is: that is reported rather than a broker that may come back.
      if (!(failure instanceof CertificateError)) failure = error;
    }
  }

  async #attempt<R>(candidate: KnownBroker, ask: (broker: Broker) => Promise<R>): Promise<Outcome<R>> {
    const isNode = () => [...this.#nodes.values()].includes(candidate);
    try {
      const answer = await ask(await candidate.connected());
      candidate.answered();
      if (!isNode()) this.#adopt(candidate);
      return { candidate, failed: false, answer };
    } catch (error) {
      if (!isNode() && this.#bootstrap !== candidate) candidate.disconnect();
      return { candidate, failed: true, error };
    }
  }

  /** Takes note of the brokers that a response names: those that it does not name are gone. */
  async learn(addresses: readonly BrokerAddress[]): Promise<void> {
    const named = new Set(addresses.map(({ nodeId }) => String(nodeId)));
    for (const [id, node] of this.#nodes) if (!named.has(id)) this.#forget(id, node);
    for (const address of addresses) await this.learnOne(address);
    if (this.#bootstrap) {
      this.#bootstrap.disconnect();
      this.#bootstrap = undefined;
    }
  }

  /** Takes note of one broker, and leaves the others as they are. */
  async learnOne(address: BrokerAddress): Promise<void> {
    const id = String(address.nodeId);
    const known = this.#nodes.get(id);
    const place = placeOf(address);
    if (known && placeOf(known.address) === place) return;
    if (known) this.#forget(id, known);
    if (this.#bootstrap && placeOf(this.#bootstrap.address) === place) {
      this.#nodes.set(id, this.#bootstrap);
      this.#bootstrap = undefined;
      return;
    }
    const { host, port, rack } = address;
    const pool = await this.#cluster.brokerPool.connectionPoolBuilder.build({ host, port, ...(rack && { rack }) });
    this.#nodes.set(id, new KnownBroker({ host, port }, this.#create(pool)));
  }

  #create(connectionPool: unknown): Broker {
    const { createBroker, rootLogger } = this.#cluster.brokerPool;
    return createBroker({ connectionPool, logger: rootLogger });
  }

  #forget(id: string, node: KnownBroker): void {
    this.#nodes.delete(id);
    node.disconnect();
  }

  #adopt(bootstrap: KnownBroker): void {
    if (this.#bootstrap !== bootstrap) this.#bootstrap?.disconnect();
    this.#bootstrap = bootstrap;
  }

  async *#candidates(): AsyncGenerator<KnownBroker> {
    const known = [...(this.#bootstrap ? [this.#bootstrap] : []), ...this.#nodes.values()];
    known.sort((a, b) => b.lastAnswer - a.lastAnswer);
    yield* known;
    const tried = new Set(known.map(({ address }) => placeOf(address)));
    const seen = new Set<string>();
    for (;;) {
      // kafkajs goes round in the list of bootstrap brokers, or in what a function of the user's returns.
      const pool = await this.#cluster.brokerPool.connectionPoolBuilder.build();
      const place = placeOf(pool);
      if (seen.has(place)) return;
      seen.add(place);
      if (tried.has(place)) continue;
      yield new KnownBroker({ host: pool.host, port: pool.port }, this.#create(pool));
    }
  }
}

type Outcome<R> = { readonly candidate: KnownBroker } & (
  | { readonly failed: false; readonly answer: R }
  | { readonly failed: true; readonly error: unknown }
);

/** Where a broker listens. */
interface Address {
  readonly host: string;
  readonly port: number;
}

function placeOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

class KnownBroker {
  readonly address: Address;
  /** When it answered last, on the monotonic clock. */
  lastAnswer = -1;
  readonly #broker: Broker;
  #connecting: Promise<void> | undefined;
  #pauseMs = firstPauseMs;
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  constructor(address: Address, broker: Broker) {
    this.address = address;
    this.#broker = broker;
  }

  answered(): void {
    this.lastAnswer = performance.now();
  }

  async connected(): Promise<Broker> {
    if (this.#broker.isConnected()) return this.#broker;
    if (this.#failure && performance.now() < this.#failure.until) throw this.#failure.error;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    await this.#connecting;
    return this.#broker;
  }

  disconnect(): void {
    void this.#broker.disconnect().catch(() => {});
  }

  async #connect(): Promise<void> {
    try {
      await this.#broker.connect();
      this.#failure = undefined;
      this.#pauseMs = firstPauseMs;
    } catch (error) {
      this.disconnect();
      this.#failure = { error, until: performance.now() + this.#pauseMs };
      this.#pauseMs = Math.min(2 * this.#pauseMs, maxPauseMs);
      throw error;
    }
  }
}
