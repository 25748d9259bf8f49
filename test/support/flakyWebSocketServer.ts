import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { FlakyServer } from './flakyServer.js';

type Misbehaviour = 'reset' | 'close' | 'fail' | 'hang' | 'garbage' | 'refuse' | 'go away';

const kinds: readonly Misbehaviour[] = ['reset', 'close', 'fail', 'hang', 'garbage', 'refuse', 'go away'];

/** Sends numbered messages from the number that a client asks for. Each connection ends in another way. */
export class FlakyWebSocketServer extends FlakyServer {
  readonly misbehaved = new Map<Misbehaviour, number>();
  readonly #count: number;
  readonly #next: () => number;
  readonly #sockets = new WebSocketServer({ noServer: true });

  /** @param next returns a random number below 1 */
  constructor(count: number, next: () => number) {
    super(() => createServer().on('upgrade', (request, socket, head) => this.#accept(request, socket, head)));
    this.#count = count;
    this.#next = next;
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const kind = kinds[Math.floor(this.#next() * kinds.length)] as Misbehaviour;
    this.misbehaved.set(kind, (this.misbehaved.get(kind) ?? 0) + 1);
    if (kind === 'refuse') socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
    else
      this.#sockets.handleUpgrade(
        request,
        socket,
        head,
        (client) =>
          // Who has gone before asking is not served.
          void this.#serve(client, kind, socket as Socket).catch(() => {}),
      );
  }

  async #serve(client: WebSocket, kind: Misbehaviour, tcp: Socket): Promise<void> {
    client.on('error', () => {});
    const [asked] = await once(client, 'message');
    const first = Number(String(asked));
    const until = Math.min(first + 1 + Math.floor(this.#next() * 60), this.#count);
    for (let n = first; n < until; n++) client.send(String(n));
    if (kind === 'reset') setTimeout(() => tcp.resetAndDestroy(), 10 * this.#next());
    else if (kind === 'close') client.close();
    else if (kind === 'fail') client.close(1011, 'a fault');
    else if (kind === 'hang') tcp.pause();
    else if (kind === 'garbage') tcp.write(Buffer.alloc(2_000, 0xff));
    else if (kind === 'go away') setTimeout(() => void this.restart(20 * this.#next()), 5 * this.#next());
  }
}
