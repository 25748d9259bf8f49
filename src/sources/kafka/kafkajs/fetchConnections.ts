import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { ResponseReader } from '../protocol/responseReader.js';
import type { ResponseBuffers } from './responseBuffers.js';

/** The parts of kafkajs's connections that are used here. */
interface Connection {
  socketFactory: SocketFactory;
  processData(bytes: Buffer): void;
  /** Set while SASL authentication is under way. */
  readonly authHandlers: unknown;
  readonly requestQueue: { fulfillRequest(response: { size: number; correlationId: number; payload: Buffer }): void };
}

interface ConnectionPool {
  /** Two connections: the first for all requests but Fetch, the second for Fetch. */
  readonly pool: readonly Connection[];
}

export interface ConnectionPoolBuilder {
  build(destination?: unknown): Promise<ConnectionPool>;
}

interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl?: unknown;
  readonly onConnect: () => void;
}
type SocketFactory = (options: SocketOptions) => Socket;

/** The same as for sockets that kafkajs makes. */
const keepAliveMs = 60_000;

/**
 * Makes connections read the responses of Fetch requests into `buffers`. By itself kafkajs collects the chunks of a response, each
 * in a buffer that the socket allocated, and joins them in yet another. Nothing else about a connection changes.
 */
export function readFetchesInto(buffers: ResponseBuffers, builder: ConnectionPoolBuilder): void {
  const build = builder.build;
  const plain = plainSocketFactory();
  builder.build = async (destination) => {
    const pool = await build.call(builder, destination);
    const connection = pool.pool[1];
    if (connection) replaceSocketFactory(connection, buffers, plain);
    return pool;
  };
}

function replaceSocketFactory(connection: Connection, buffers: ResponseBuffers, plain: string | undefined): void {
  const { socketFactory, processData } = connection;
  // Each new socket begins with a complete response.
  connection.socketFactory = (options) => {
    const reader = new ResponseReader(
      (length) => buffers.take(length),
      ({ correlationId, body }) =>
        connection.requestQueue.fulfillRequest({ size: body.length + 4, correlationId, payload: body }),
    );
    const guarded = (socket: Socket, work: () => void): void => {
      try {
        work();
      } catch (error) {
        socket.destroy(error as Error);
      }
    };
    if (options.ssl || String(socketFactory) !== plain) {
      const socket = socketFactory.call(connection, options);
      connection.processData = (bytes) => {
        if (connection.authHandlers) processData.call(connection, bytes);
        else guarded(socket, () => reader.push(bytes));
      };
      return socket;
    }
    const { host, port, onConnect } = options;
    const callback = (length: number, target: Uint8Array): boolean => {
      // kafkajs itself reads the responses of SASL authentication, and may keep the bytes.
      if (connection.authHandlers) processData.call(connection, Buffer.from(target.subarray(0, length)));
      else guarded(socket, () => reader.received(length));
      return true;
    };
    const socket: Socket = connect({ host, port, onread: { buffer: () => reader.target, callback } }, onConnect);
    // While a broker is down, every attempt of kafkajs to connect ends the failed socket again, which adds a listener each time.
    return socket.setKeepAlive(true, keepAliveMs).setMaxListeners(0);
  };
}

/** The source text of kafkajs's own socket factory: one that the user has configured is left alone. */
function plainSocketFactory(): string | undefined {
  try {
    return String((createRequire(import.meta.url)('kafkajs/src/network/socketFactory.js') as () => SocketFactory)());
  } catch {
    return undefined;
  }
}
