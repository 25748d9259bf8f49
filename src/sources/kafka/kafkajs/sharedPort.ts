import { firstValueFrom } from 'rxjs';
import { partitionKey } from '../../../batch/topicPartition.js';
import { GatheredCalls } from '../../log/gatheredCalls.js';
import type { KafkajsPort } from './kafkajsPort.js';

/**
 * One set of connections for several streams, each of which has a port of its own to close. Connections are made when the first stream
 * asks for something, and closed with the last stream. What several streams ask at the same tick goes out as one request.
 */
export class SharedPort {
  readonly #newPort: () => KafkajsPort;
  readonly #leases = new Set<PortLease>();
  #open: OpenPort | undefined;
  #closed: Error | undefined;

  constructor(newPort: () => KafkajsPort) {
    this.#newPort = newPort;
  }

  /** The streams and outputs that have asked for something and are not closed. */
  get clients(): number {
    return this.#leases.size;
  }

  get ids(): ReturnType<KafkajsPort['ids']> {
    return this.#open?.port.ids() ?? { clientId: undefined, clusterId: undefined };
  }

  /** A port of one stream. It counts from its first request until it is disconnected. */
  lease(): KafkajsPort {
    const lease: PortLease = new PortLease({
      open: () => {
        if (this.#closed) throw this.#closed;
        this.#leases.add(lease);
        this.#open ??= new OpenPort(this.#newPort());
        return this.#open;
      },
      known: () => this.#open,
      close: () => {
        if (this.#leases.delete(lease) && this.#leases.size === 0) this.#disconnect();
      },
    });
    return lease;
  }

  /** Fails everything that is under way, and whatever is asked later. */
  close(error: Error): void {
    this.#closed = error;
    for (const lease of [...this.#leases]) lease.fail(error);
    this.#leases.clear();
    this.#disconnect();
  }

  #disconnect(): void {
    this.#open?.port.disconnect();
    this.#open = undefined;
  }
}

type OffsetsCall = Parameters<KafkajsPort['listOffsets']>;

/** The connections, and the requests that are united. */
class OpenPort {
  readonly port: KafkajsPort;
  readonly metadata: GatheredCalls<readonly string[], Awaited<ReturnType<KafkajsPort['metadata']>>>;
  readonly listOffsets: GatheredCalls<OffsetsCall, Awaited<ReturnType<KafkajsPort['listOffsets']>>>;

  constructor(port: KafkajsPort) {
    this.port = port;
    // Streams whose ticks coincide ask in one turn of the event loop.
    const later = (work: () => void): void => void setImmediate(work);
    this.metadata = new GatheredCalls(
      later,
      (all) => port.metadata([...new Set(all.flat())]),
      (found, topics) => {
        const asked = new Set(topics);
        return found.filter(({ topic }) => asked.has(topic));
      },
    );
    this.listOffsets = new GatheredCalls(
      later,
      (all) => {
        const [leader, , timestamp, isolationLevel] = all[0] as OffsetsCall;
        const distinct = new Map(all.flatMap(([, places]) => places.map((place) => [partitionKey(place), place])));
        return port.listOffsets(leader, [...distinct.values()], timestamp, isolationLevel);
      },
      (found, [, places]) => {
        const asked = new Set(places.map(partitionKey));
        return found.filter((offset) => asked.has(partitionKey(offset)));
      },
    );
  }
}

interface LeaseLinks {
  open(): OpenPort;
  known(): OpenPort | undefined;
  close(): void;
}

/** What one stream sees of shared connections: closing it ends its own requests and no others. */
class PortLease implements KafkajsPort {
  readonly #links: LeaseLinks;
  /** Fails what is under way. */
  readonly #underWay = new Set<(error: Error) => void>();
  #ended: Error | undefined;

  constructor(links: LeaseLinks) {
    this.#links = links;
  }

  connect: KafkajsPort['connect'] = async () => void (await this.metadata([]));

  metadata: KafkajsPort['metadata'] = (topics) =>
    this.#call(({ port, metadata }) => (topics ? firstValueFrom(metadata.ask('', topics)) : port.metadata()));

  leaders: KafkajsPort['leaders'] = (topics) => this.#call(({ port }) => port.leaders(topics));

  maxVersion: KafkajsPort['maxVersion'] = (...call) => this.#call(({ port }) => port.maxVersion(...call));

  request: KafkajsPort['request'] = (...call) => this.#call(({ port }) => port.request(...call));

  fetch: KafkajsPort['fetch'] = (...call) => this.#call(({ port }) => port.fetch(...call));

  listOffsets: KafkajsPort['listOffsets'] = (...call) =>
    this.#call(({ listOffsets }) => {
      const [leader, , timestamp, isolationLevel] = call;
      return firstValueFrom(listOffsets.ask(`${leader} ${timestamp} ${isolationLevel}`, call));
    });

  offsetFetch: KafkajsPort['offsetFetch'] = (...call) => this.#call(({ port }) => port.offsetFetch(...call));

  stableOffsetFetch: KafkajsPort['stableOffsetFetch'] = (...call) =>
    this.#call(({ port }) => port.stableOffsetFetch(...call));

  offsetCommit: KafkajsPort['offsetCommit'] = (...call) => this.#call(({ port }) => port.offsetCommit(...call));

  coordinated: KafkajsPort['coordinated'] = (...call) => this.#call(({ port }) => port.coordinated(...call));

  findTransactionCoordinator: KafkajsPort['findTransactionCoordinator'] = (id) =>
    this.#call(({ port }) => port.findTransactionCoordinator(id));

  groupMembers: KafkajsPort['groupMembers'] = (groupId) => this.#call(({ port }) => port.groupMembers(groupId));

  address: KafkajsPort['address'] = (nodeId) => this.#links.known()?.port.address(nodeId);

  ids: KafkajsPort['ids'] = () => this.#links.known()?.port.ids() ?? { clientId: undefined, clusterId: undefined };

  disconnect(): void {
    this.fail(new Error('the client is closed'));
    this.#links.close();
  }

  fail(error: Error): void {
    this.#ended ??= error;
    for (const fail of this.#underWay) fail(error);
    this.#underWay.clear();
  }

  #call<R>(send: (open: OpenPort) => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      this.#sent(send)
        .then(resolve, reject)
        .finally(() => this.#underWay.delete(reject));
    });
  }

  async #sent<R>(send: (open: OpenPort) => Promise<R>): Promise<R> {
    if (this.#ended) throw this.#ended;
    return send(this.#links.open());
  }
}
