import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, DStreamError, ProtocolError, TimedOutError } from '../../../batch/errors.js';
import { maxTimerMs } from '../../../options/checks.js';
import { ResponseReader } from '../protocol/responseReader.js';
import type { Call, Connection, SocketFactory, SocketOptions } from './kafkajsConnection.js';

/** The same as for sockets that kafkajs makes. */
const keepAliveMs = 60_000;
/** kafkajs's own default. */
const defaultRequestTimeoutMs = 30_000;
/** A longer throttle time is damage; the broker itself delays its responses as long as a quota requires. */
const maxThrottleMs = 60_000;
/** How long a socket that is closed may take to send what has been written to it. */
const flushTimeoutMs = 1_000;
/** Bytes of a length in front of a response. */
const lengthBytes = 4;
const disconnected = 'disconnected';

/** Knows all sockets of a client. */
export interface SocketOwner {
  /** Returns a buffer for the body of a response. */
  readonly allocate: (length: number) => Buffer;
  /** The source text of kafkajs's own socket factory: one that the user has configured is left alone. */
  readonly plainSocketSource: string | undefined;
  /**
   * The error of requests on a connection that was closed: kafkajs's own producer knows it by another name. `isFinal`: the client is closed,
   * and another attempt would find it so.
   */
  readonly lost: (error: ConnectionError, isFinal: boolean) => Error;
  /** Aborted when the client is closed. */
  readonly closing: AbortSignal;
  /** The connection has a socket from now on. */
  opened(connection: GuardedConnection, socket: Socket): void;
  /** The connection has no socket any more. */
  parted(connection: GuardedConnection): void;
}

/**
 * A connection of kafkajs, changed in place:
 *
 * - The bytes of each socket are read by a reader of its own, never by kafkajs, which keeps those of a closed socket and throws out of
 *   the callback of the socket on lengths that cannot be. Bytes that are no response close the connection.
 * - Responses have to come in the order of the requests.
 * - A request ends within its time limit by a monotonic clock. The connection is closed then, because the response may still come.
 * - Closing does not wait for responses.
 * - No timer runs while nothing is to be done: kafkajs looks for requests to send every millisecond from the first answer on, on each
 *   connection, which costs an idle process several percent of a core. Requests wait here while a broker throttles, so that those in
 *   kafkajs's queue wait only for answers, and each answer sends the next.
 */
export class GuardedConnection {
  readonly #connection: Connection;
  readonly #guard: SocketOwner;
  readonly #makeSocket: SocketFactory;
  readonly #readAuthentication: (bytes: Buffer) => void;
  /** When the broker accepts requests again, on the monotonic clock. */
  #throttledUntil = 0;
  /** The attempt to connect that is under way. */
  #connecting: Promise<unknown> | undefined;
  /** Fails it. */
  #failConnect: ((error: Error) => void) | undefined;

  constructor(connection: Connection, guard: SocketOwner) {
    this.#connection = connection;
    this.#guard = guard;
    this.#makeSocket = connection.socketFactory;
    this.#readAuthentication = connection.processData.bind(connection);
    const makeConnection = connection.connect.bind(connection);
    const send = connection.send.bind(connection);
    connection.socketFactory = (options) => this.#open(options);
    // Each socket is read where it is made.
    connection.processData = () => {};
    connection.connect = () => this.#connectOnce(makeConnection);
    connection.disconnect = async () => this.disconnect();
    connection.send = (call) => this.#send(call, send);
    connection.requestQueue.scheduleRequestTimeoutCheck = () => {};
    connection.requestQueue.scheduleCheckPendingRequests = () => {};
    connection.requestQueue.maybeThrottle = (throttleTime) => this.#throttle(throttleTime ?? 0);
  }

  /** Fails the requests that wait for their responses, and closes the socket. */
  disconnect(): true {
    const connection = this.#connection;
    const { socket, requestQueue } = connection;
    connection.socket = undefined;
    connection.authenticatedAt = null;
    connection.connectionStatus = disconnected;
    connection.authHandlers?.onError();
    requestQueue.rejectAll(this.#lost('the connection was closed'));
    requestQueue.destroy();
    this.#guard.parted(this);
    if (socket) part(socket);
    this.#connecting = undefined;
    // kafkajs has a better error, and a moment to fail with it, where the connection could not be made.
    const fail = this.#failConnect;
    if (fail) setImmediate(() => fail(this.#lost('the connection was closed before it was made')));
    return true;
  }

  get #broker(): string {
    return `${this.#connection.host}:${this.#connection.port}`;
  }

  #lost(reason: string): Error {
    const error = new ConnectionError([this.#broker], { cause: new Error(reason) });
    return this.#guard.lost(error, this.#guard.closing.aborted);
  }

  /** Two calls at a time would make kafkajs open two sockets, and forget the first. */
  #connectOnce(makeConnection: () => Promise<unknown>): Promise<unknown> {
    if (this.#guard.closing.aborted) return Promise.reject(this.#lost('the client is closed'));
    if (this.#connecting) return this.#connecting;
    const connecting = this.#connect(makeConnection).finally(() => {
      if (this.#connecting === connecting) this.#connecting = undefined;
    });
    this.#connecting = connecting;
    return connecting;
  }

  #connect(makeConnection: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#failConnect = reject;
      makeConnection()
        .then(resolve, reject)
        .finally(() => {
          this.#failConnect = undefined;
        });
    });
  }

  async #send(call: Call, send: (call: Call) => Promise<unknown>): Promise<unknown> {
    await this.#throttleTime();
    const { apiName } = call.request;
    const timeout = Math.max(this.#connection.requestTimeout ?? defaultRequestTimeoutMs, call.requestTimeout ?? 0);
    const limit = timeout + (call.brokerWaitMs ?? 0);
    const read = async <R>(read: () => Promise<R>): Promise<R> => {
      try {
        return await read();
      } catch (error) {
        throw this.#unreadable(apiName, error);
      }
    };
    const response = {
      decode: (body: Buffer) => read(() => call.response.decode(body)),
      parse: (decoded: unknown) => read(() => call.response.parse(decoded)),
    };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          reject(new TimedOutError(`${apiName} of broker ${this.#broker}`, limit));
          this.disconnect();
        },
        Math.min(limit, maxTimerMs),
      );
      send({ ...call, response })
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /** A response that cannot be read is damage, and what follows it on its connection is not to be trusted. */
  #unreadable(apiName: string, error: unknown): unknown {
    const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
    if (error instanceof DStreamError || name.startsWith('KafkaJS')) return error;
    this.disconnect();
    return new ProtocolError(apiName, `the response of broker ${this.#broker} cannot be read: ${message}`, true, {
      cause: error,
    });
  }

  #throttle(throttleTime: number): void {
    if (!(throttleTime > 0)) return;
    const until = performance.now() + Math.min(throttleTime, maxThrottleMs);
    this.#throttledUntil = Math.max(until, this.#throttledUntil);
  }

  async #throttleTime(): Promise<void> {
    const signal = this.#guard.closing;
    try {
      for (;;) {
        const left = this.#throttledUntil - performance.now();
        if (left <= 0) return;
        await sleep(Math.ceil(left), undefined, { signal });
      }
    } catch {
      throw this.#lost('the client is closed');
    }
  }

  #open(options: SocketOptions): Socket {
    if (this.#guard.closing.aborted) throw new Error('the client is closed');
    const connection = this.#connection;
    Object.assign(connection, { chunks: [], bytesBuffered: 0, bytesNeeded: lengthBytes });
    const reader = new ResponseReader(this.#guard.allocate, ({ correlationId, body }) => {
      const [expected] = connection.requestQueue.inflight.keys();
      if (correlationId !== expected)
        throw new RangeError(`the response to request ${correlationId} came, and that to ${expected} was next`);
      connection.requestQueue.fulfillRequest({ size: body.length + 4, correlationId, payload: body });
    });
    /** `read` puts bytes of this socket into the reader; `bytes` returns them for kafkajs. */
    const received = (read: () => void, bytes: () => Buffer): void => {
      if (connection.socket !== socket) return;
      try {
        // kafkajs itself reads the responses of SASL authentication by old brokers, and may keep the bytes.
        if (connection.authHandlers) this.#readAuthentication(bytes());
        else read();
      } catch (error) {
        socket.destroy(error as Error);
      }
    };
    const socket: Socket = this.#isPlain(options)
      ? connectInto(reader, options, received)
      : this.#makeSocket.call(connection, options).on('data', (bytes: Buffer) =>
          received(
            () => reader.push(bytes),
            () => bytes,
          ),
        );
    this.#guard.opened(this, socket);
    // kafkajs hears of a socket that ends or fails, and not of one that just closes.
    socket.once('close', () => connection.socket === socket && this.disconnect());
    // While a broker is down, every attempt of kafkajs to connect ends the failed socket again, which adds a listener each time.
    return socket.setMaxListeners(0);
  }

  #isPlain({ ssl }: SocketOptions): boolean {
    return !ssl && String(this.#makeSocket) === this.#guard.plainSocketSource;
  }
}

/** A socket that reads straight into the buffers of responses: kafkajs would have each piece in a buffer of its own, and join them. */
function connectInto(
  reader: ResponseReader,
  { host, port, onConnect }: SocketOptions,
  received: (read: () => void, bytes: () => Buffer) => void,
): Socket {
  const callback = (length: number, target: Uint8Array): boolean => {
    received(
      () => reader.received(length),
      () => Buffer.from(target.subarray(0, length)),
    );
    return true;
  };
  const socket = connect({ host, port, onread: { buffer: () => reader.target, callback } }, onConnect);
  return socket.setKeepAlive(true, keepAliveMs);
}

/** Closes a socket that kafkajs is to hear no more of. */
function part(socket: Socket): void {
  // kafkajs stops the timer of an attempt to connect.
  if (!socket.destroyed) socket.emit('end');
  for (const event of ['data', 'end', 'error', 'timeout']) socket.removeAllListeners(event);
  socket.on('error', () => {});
  if (socket.connecting || socket.writableLength === 0) {
    socket.destroy();
    return;
  }
  socket.end();
  socket.unref();
  const timer = setTimeout(() => socket.destroy(), flushTimeoutMs).unref();
  socket.once('close', () => clearTimeout(timer));
}
