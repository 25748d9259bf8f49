import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { ResponseReader } from '../protocol/responseReader.js';
import type { ResponseBuffers } from './responseBuffers.js';

/** What is used of kafkajs's connections. */
interface Connection {
  socketFactory: SocketFactory;
  processData(bytes: Buffer): void;
  /** While somebody logs in. */
  readonly authHandlers: unknown;
  readonly requestQueue: { fulfillRequest(response: { size: number; correlationId: number; payload: Buffer }): void };
}

interface ConnectionPool {
  /** One for all requests but Fetch, and one for Fetch. */
  readonly pool: readonly Connection[];
}

export interface ConnectionPoolBuilder {
  build(destination?: unknown): Promise<ConnectionPool>;
}

interface SocketTarget {
  readonly host: string;
  readonly port: number;
  readonly ssl?: unknown;
  readonly onConnect: () => void;
}
type SocketFactory = (target: SocketTarget) => Socket;

/** Keep-alive of kafkajs's own sockets, ms. */
const keepAlive = 60_000;

/**
 * Has the responses of Fetch requests read into `buffers`. kafkajs gathers the pieces of a response, each in a buffer that
 * the socket made, and joins them in one more; nothing else of a connection is changed.
 */
export function readFetchesInto(buffers: ResponseBuffers, builder: ConnectionPoolBuilder): void {
  const build = builder.build;
  const plain = plainSocketFactory();
  builder.build = async (destination) => {
    const pool = await build.call(builder, destination);
    const connection = pool.pool[1];
    if (connection) takeOver(connection, buffers, plain);
    return pool;
  };
}

function takeOver(connection: Connection, buffers: ResponseBuffers, plain: string | undefined): void {
  const { socketFactory, processData } = connection;
  // A connection that is made again begins with a response.
  connection.socketFactory = (target) => {
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
    if (target.ssl || String(socketFactory) !== plain) {
      const socket = socketFactory.call(connection, target);
      connection.processData = (bytes) => {
        if (connection.authHandlers) processData.call(connection, bytes);
        else guarded(socket, () => reader.push(bytes));
      };
      return socket;
    }
    const { host, port, onConnect } = target;
    const callback = (length: number, room: Uint8Array): boolean => {
      // What is said to log in is read as kafkajs does it, which may keep the bytes.
      if (connection.authHandlers) processData.call(connection, Buffer.from(room.subarray(0, length)));
      else guarded(socket, () => reader.came(length));
      return true;
    };
    const socket: Socket = connect({ host, port, onread: { buffer: () => reader.room, callback } }, onConnect);
    // While a broker is gone kafkajs ends the socket that never connected again at each try, and each adds a listener.
    return socket.setKeepAlive(true, keepAlive).setMaxListeners(0);
  };
}

/** The text of kafkajs's own way to make a socket: one that the user has given is left as it is. */
function plainSocketFactory(): string | undefined {
  try {
    return String((createRequire(import.meta.url)('kafkajs/src/network/socketFactory.js') as () => SocketFactory)());
  } catch {
    return undefined;
  }
}
