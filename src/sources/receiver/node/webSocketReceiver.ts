import { InvalidOptionError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import { arrayOf, checkFunction, checkPositive, checkPositiveInteger, checkText } from '../../../options/checks.js';
import type { ReceiverSink } from '../receiver.js';
import { WebSocketConnection } from './webSocketConnection.js';

/** What is sent in a message: text, or bytes. */
export type WebSocketMessage = string | Uint8Array;

/** Options of `webSocketReceiver`. Durations are in ms. */
export interface WebSocketReceiverOptions<T> {
  /** The address of the server, which begins with `ws:` or `wss:`. */
  readonly url: string | URL;
  /**
   * The subprotocols that are offered.
   * @default none
   */
  readonly protocols?: readonly string[];
  /**
   * Options of the client of `ws`, such as `headers`, `agent` or `ca`.
   * @default none
   */
  readonly client?: Readonly<Record<string, unknown>>;
  /**
   * Makes a record of a message: a string or a buffer. What it throws fails the receiver.
   * @default the message itself
   */
  readonly parse?: (message: string | Buffer) => T;
  /**
   * Returns what is sent once the connection is open, such as what to subscribe to: nothing, one message or several. `position` is
   * that of the last stored record, if `position` says it, to go on from there.
   * @default nothing is sent
   */
  readonly greet?: (position: string | undefined) => WebSocketMessage | readonly WebSocketMessage[];
  /**
   * Returns where the server can go on after a record, such as its number in the feed: it is saved with the record, in the
   * write-ahead log or else in the checkpoint, and passed to `greet` after a restart.
   * @default the server cannot go on
   */
  readonly position?: (record: T) => string | undefined;
  /**
   * Returns what is sent once records are stored, given how many of this connection are: with a write-ahead log the server may
   * then forget them.
   * @default nothing is sent
   */
  readonly acknowledge?: (stored: number) => WebSocketMessage;
  /**
   * The longest message, in bytes: a server that sends a longer one is left, which is a failure.
   * @default 1048576 (1 MiB)
   */
  readonly maxMessageBytes?: number;
  /**
   * How long connecting may take, in ms.
   * @default 10000
   */
  readonly connectTimeout?: number;
  /**
   * How often the server is pinged, in ms. If nothing arrived from it by the next ping, while it is not made to wait, the receiver fails.
   * @default 30000
   */
  readonly pingInterval?: number;
}

const optionChecks: OptionChecks<WebSocketReceiverOptions<never>> = {
  url: required(checkUrl),
  protocols: arrayOf(checkText),
  client: checkObject,
  parse: checkFunction,
  greet: checkFunction,
  position: checkFunction,
  acknowledge: checkFunction,
  maxMessageBytes: checkPositiveInteger,
  connectTimeout: checkPositive,
  pingInterval: checkPositive,
};

function checkUrl(owner: string, option: string, url: string | URL): void {
  const isText = typeof url === 'string' || url instanceof URL;
  if (isText && URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return;
  throw new InvalidOptionError(owner, option, url, 'must be an address that begins with "ws:" or "wss:"');
}

function checkObject(owner: string, option: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidOptionError(owner, option, value, 'must be an object');
}

/**
 * Receives the messages of a WebSocket server, a record each. While the queue is full nothing is read, so that the server is made to
 * wait. A connection that is lost, that does not answer a ping, that breaks the protocol or sends too long a message is a failure; a server
 * that closes it with code 1000 or 1001, or without one, completes the receiver. With `restart: { onClose: 'restart' }` it connects again
 * after all of these.
 *
 * What is sent while nobody is connected, or was on its way when a connection was lost, is lost, unless the server goes on from the
 * `position` in the `greet` message, or waits for what `acknowledge` sends.
 *
 * Needs the package `ws`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the connection fails and the receiver is not started again
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import type { AddressInfo } from 'node:net';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { webSocketReceiver } from 'dstream/node';
 * import { WebSocketServer } from 'ws';
 *
 * const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
 * await once(server, 'listening');
 * const { port } = server.address() as AddressInfo;
 * server.on('connection', (socket) => {
 *   socket.on('message', (channel) => {
 *     for (const n of [1, 2]) socket.send(`${channel} ${n}`);
 *     socket.close();
 *   });
 * });
 *
 * receiverBatches(webSocketReceiver({ url: `ws://127.0.0.1:${port}`, greet: () => 'trades' }), { interval: 50 })
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length > 0) console.log(records);
 *     }),
 *   )
 *   .subscribe({ complete: () => server.close() });
 * // => [ 'trades 1', 'trades 2' ]
 * ```
 */
export function webSocketReceiver<T = string | Buffer>(
  options: WebSocketReceiverOptions<T>,
): (sink: ReceiverSink<T>) => () => void {
  checkOptions('webSocketReceiver', options, optionChecks);
  const { url, maxMessageBytes = 1 << 20, connectTimeout = 10_000, pingInterval = 30_000 } = options;
  const { protocols = [], client = {}, greet, position, acknowledge } = options;
  const parse = options.parse ?? ((message: string | Buffer) => message as T);
  const callbacks = { parse, greet, position, acknowledge };
  const limits = { maxMessageBytes, connectTimeout, pingInterval };
  const settings = { url: new URL(url), protocols, client, ...callbacks, ...limits };

  return (sink) => {
    const connection = new WebSocketConnection<T>(settings, sink);
    void connection.start();
    return () => connection.close();
  };
}
