import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomOf } from '../crash/records.js';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down';

/** One response of Kafka on its way to the client, or, of a protocol without frames, the bytes that came at once. */
export interface Frame {
  /** The API key of the request that it answers; -1 of a protocol without frames. */
  readonly apiKey: number;
  /** How many frames with this key have passed before, over all connections. */
  readonly index: number;
  /** All of it, its length included: a copy, which may be changed. */
  readonly bytes: Buffer;
}

/** What becomes of a frame: passed on as it is, other bytes instead, or other bytes before the connection is cut or falls silent. */
export type Verdict = Buffer | { readonly bytes: Buffer; readonly after: 'cut' | 'silence' } | undefined;

export interface FaultyProxyOptions {
  /** Random faults repeat with the same seed and the same traffic. Default: 1. */
  readonly seed?: number;
  /** `kafka` knows where responses begin, and what they answer. Default: `kafka`. */
  readonly protocol?: 'kafka' | 'raw';
  /** The port to listen on. Default: a free one. */
  readonly port?: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  silent: boolean;
}

/**
 * A TCP proxy on loopback that does to connections what networks and machines do. Everything may be changed at any time, and holds for
 * the connections that are open too:
 *
 *     const proxy = await FaultyProxy.start(9092, { seed: 7 });
 *     proxy.swallow = 'down';                  // a half-open connection: requests arrive, no response comes back
 *     proxy.tamper = ({ apiKey, bytes }) => ...; // scripted: flip a bit, cut in the middle, a wrong length
 *     proxy.cutAll();                          // as a reset does
 *     await proxy.refuse();                    // nobody listens any more, until `listen()`
 */
export class FaultyProxy {
  /** The port of the server; may be changed, for a server that has come back elsewhere. */
  target: number;
  /** Bytes in this direction vanish; connections stay open. */
  swallow: Direction | 'both' | undefined;
  /** How long bytes to the client wait, in ms. */
  delayMs = 0;
  /** Bytes per second to the client, for each connection. */
  bytesPerSecond = Infinity;
  /** The probability that one bit of a frame is flipped. */
  flipRate = 0;
  /** The probability that a connection is cut in the middle of a frame. */
  cutRate = 0;
  /**
   * Which requests wait in the proxy until `release()`, by API key, and outlive their client meanwhile; of connections that are made from
   * now on.
   */
  hold: ((apiKey: number) => boolean) | undefined;
  /** Called with each frame before it is passed on. */
  tamper: ((frame: Frame) => Verdict) | undefined;
  /** Counts: connections that were accepted, bytes, faults. */
  readonly seen = { accepted: 0, up: 0, down: 0, flips: 0, cuts: 0 };
  readonly #protocol: 'kafka' | 'raw';
  readonly #random: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #indexes = new Map<number, number>();
  #held: Buffer[] = [];
  #server: Server;
  #port: number;

  private constructor(target: number, { seed = 1, protocol = 'kafka', port = 0 }: FaultyProxyOptions) {
    this.target = target;
    this.#protocol = protocol;
    this.#random = randomOf(seed);
    this.#port = port;
    this.#server = this.#newServer();
  }

  static async start(target: number, options: FaultyProxyOptions = {}): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target, options);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Resolves when no connection is open. */
  async idle(): Promise<void> {
    while (this.#pairs.size > 0) await new Promise((resolve) => [...this.#pairs][0]?.client.once('close', resolve));
  }

  /** Accepts connections again, on the same port. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as { port: number }).port;
  }

  /** Cuts all connections and listens no more. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
  }

  /** Resets every connection. */
  cutAll(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  /** Requests that wait. */
  get held(): number {
    return this.#held.length;
  }

  /**
   * Sends the requests that wait to the server, each over a connection of its own, and resolves when they have been answered: as
   * `isAnswer` wants it, or each is sent again.
   */
  async release(isAnswer: (response: Buffer) => boolean = () => true): Promise<void> {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) {
      for (let answered = false; !answered; ) {
        const socket = connect(this.target, '127.0.0.1');
        socket.write(bytes);
        const [response] = (await once(socket, 'data')) as [Buffer];
        answered = isAnswer(response);
        socket.destroy();
      }
    }
  }

  /** A healthy network again, for connections that are made from now on; those that fell silent are cut. */
  heal(): void {
    Object.assign(this, { swallow: undefined, delayMs: 0, bytesPerSecond: Infinity, flipRate: 0, cutRate: 0 });
    this.tamper = undefined;
    for (const pair of this.#pairs) if (pair.silent) this.#cut(pair);
  }

  close(): Promise<void> {
    return this.refuse();
  }

  #newServer(): Server {
    return createServer((client) => this.#accept(client));
  }

  #accept(client: Socket): void {
    this.seen.accepted++;
    const server = connect(this.target, '127.0.0.1');
    const pair: Pair = { client, server, silent: false };
    this.#pairs.add(pair);
    const asked = new Map<number, number>();
    const isHolding = this.hold !== undefined;
    const requests = new Framing((bytes) => {
      if (bytes.length < 12) return;
      const apiKey = bytes.readInt16BE(4);
      if (this.hold?.(apiKey)) {
        this.#held.push(bytes);
        return;
      }
      asked.set(bytes.readInt32BE(8), apiKey);
      if (isHolding && !this.#swallows('up', pair)) pass(bytes, client, server);
    });
    const down = this.#sender(pair);
    const responses = new Framing((bytes) => {
      const correlationId = bytes.length >= 8 ? bytes.readInt32BE(4) : -1;
      down({ apiKey: asked.get(correlationId) ?? -1, bytes });
      asked.delete(correlationId);
    });
    const isKafka = this.#protocol === 'kafka';
    client.on('data', (bytes: Buffer) => {
      this.seen.up += bytes.length;
      if (isKafka) requests.push(bytes);
      if (!isHolding && !this.#swallows('up', pair)) pass(bytes, client, server);
    });
    server.on('data', (bytes: Buffer) => {
      this.seen.down += bytes.length;
      if (isKafka) responses.push(bytes);
      else down({ apiKey: -1, bytes: Buffer.from(bytes) });
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#cut(pair));
    }
    client.on('close', () => this.#cut(pair));
    // Behind what is delayed.
    server.on('close', () => down(undefined));
  }

  #swallows(direction: Direction, pair: Pair): boolean {
    return pair.silent || this.swallow === direction || this.swallow === 'both';
  }

  /** Sends frames to the client, one after the other; `undefined` is the end. */
  #sender(pair: Pair): (frame: Pick<Frame, 'apiKey' | 'bytes'> | undefined) => void {
    let last: Promise<void> | undefined;
    const { client, server } = pair;
    const send = async (frame: Pick<Frame, 'apiKey' | 'bytes'> | undefined): Promise<void> => {
      if (!frame) {
        if (!this.#swallows('down', pair)) this.#cut(pair);
        return;
      }
      if (this.#swallows('down', pair)) return;
      const verdict = this.#judge(frame);
      const { bytes, after } = Buffer.isBuffer(verdict) ? { bytes: verdict, after: undefined } : verdict;
      if (this.delayMs > 0) await sleep(this.delayMs);
      for (let at = 0; at < bytes.length; ) {
        const step = Number.isFinite(this.bytesPerSecond) ? Math.max(1, this.bytesPerSecond / 20) : bytes.length;
        pass(bytes.subarray(at, at + step), server, client);
        at += step;
        if (at < bytes.length) await sleep(50);
      }
      if (after === 'silence') pair.silent = true;
      if (after === 'cut') await new Promise<void>((resolve) => client.write('', () => resolve(this.#cut(pair))));
    };
    return (frame) => {
      // Without delays nothing waits for another turn of the event loop.
      last = last ? last.then(() => send(frame)) : send(frame);
    };
  }

  #judge({ apiKey, bytes }: Pick<Frame, 'apiKey' | 'bytes'>): Exclude<Verdict, undefined> {
    const index = this.#indexes.get(apiKey) ?? 0;
    this.#indexes.set(apiKey, index + 1);
    const verdict = this.tamper?.({ apiKey, index, bytes });
    if (verdict !== undefined) return verdict;
    if (this.flipRate > 0 && this.#random() < this.flipRate) {
      this.seen.flips++;
      return flipBit(bytes, Math.floor(this.#random() * bytes.length * 8));
    }
    if (this.cutRate > 0 && this.#random() < this.cutRate) {
      this.seen.cuts++;
      return { bytes: bytes.subarray(0, Math.floor(this.#random() * bytes.length)), after: 'cut' };
    }
    return bytes;
  }

  #cut(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.server.destroy();
  }
}

/** Flips one bit, counted from the first one of the first byte. */
export function flipBit(bytes: Buffer, bit: number): Buffer {
  const byte = bit >> 3;
  bytes[byte] = (bytes[byte] ?? 0) ^ (0x80 >> (bit & 7));
  return bytes;
}

function pass(bytes: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** Puts together frames that begin with their length, four bytes. */
class Framing {
  readonly #frame: (bytes: Buffer) => void;
  #pending = Buffer.alloc(0);

  constructor(frame: (bytes: Buffer) => void) {
    this.#frame = frame;
  }

  push(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 4) {
      const length = 4 + this.#pending.readInt32BE(0);
      if (this.#pending.length < length) return;
      this.#frame(Buffer.from(this.#pending.subarray(0, length)));
      this.#pending = this.#pending.subarray(length);
    }
  }
}
