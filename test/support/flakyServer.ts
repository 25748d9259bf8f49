import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A server that can go away with all its connections, and comes back on the same port. */
export class FlakyServer {
  readonly #create: () => Server;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  /** @param create makes a server that does not listen yet */
  constructor(create: () => Server) {
    this.#create = create;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const server = this.#create();
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Goes away, and comes back after `pause` ms. */
  async restart(pause: number): Promise<void> {
    if (!this.#server) return;
    await this.stop();
    setTimeout(() => void this.start(), pause);
  }
}

/** Listens to a server on a free port while `run` lasts. */
export async function withServer<R>(
  listeners: {
    readonly request?: Parameters<typeof createServer>[1];
    readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  },
  run: (port: number) => Promise<R>,
): Promise<R> {
  const flaky = new FlakyServer(() => {
    const server = createServer(listeners.request);
    return listeners.upgrade ? server.on('upgrade', listeners.upgrade) : server;
  });
  await flaky.start();
  try {
    return await run(flaky.port);
  } finally {
    await flaky.stop();
  }
}
