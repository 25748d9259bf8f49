import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { GuardedConnection, type SocketOwner } from './guardedConnection.js';
import type { ConnectionPool, ConnectionPoolBuilder } from './kafkajsConnection.js';

/**
 * Takes charge of every connection that a cluster of kafkajs makes: no byte that arrives throws out of a callback of a socket, each
 * request ends within its time limit, and `close` leaves no socket and no timer behind.
 */
export class ConnectionGuard implements SocketOwner {
  readonly allocate: SocketOwner['allocate'];
  plainSocketSource: string | undefined;
  readonly lost: SocketOwner['lost'];
  /** Open sockets, those that are being closed included. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<GuardedConnection>();
  readonly #closing = new AbortController();
  readonly #findingSource: Promise<string | undefined> | undefined;

  constructor({
    allocate = (length) => Buffer.allocUnsafeSlow(length),
    lost = (error) => error,
    plainSocketSource,
  }: Partial<Pick<SocketOwner, 'allocate' | 'lost'>> & {
    readonly plainSocketSource?: Promise<string | undefined>;
  } = {}) {
    this.allocate = allocate;
    this.lost = lost;
    this.#findingSource = plainSocketSource;
    // One listener for each request that waits for the end of a throttle time.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Takes charge of every connection that is built from now on. */
  watch(builder: ConnectionPoolBuilder): void {
    const { build } = builder;
    builder.build = async (destination) => {
      const pool = await build.call(builder, destination);
      this.plainSocketSource = await this.#findingSource;
      this.take(pool);
      return pool;
    };
  }

  take({ pool }: ConnectionPool): void {
    for (const connection of pool) new GuardedConnection(connection, this);
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  opened(connection: GuardedConnection, socket: Socket): void {
    this.#connections.add(connection);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  parted(connection: GuardedConnection): void {
    this.#connections.delete(connection);
  }

  /** Fails whatever is under way and destroys all sockets, also those that are being connected. None is opened afterwards. */
  close(): void {
    this.#closing.abort();
    for (const connection of this.#connections) connection.disconnect();
    for (const socket of this.#sockets) socket.destroy();
  }
}
