import { checkOptions } from '../../../options/checkOptions.js';
import type { ReceiverSink } from '../receiver.js';
import { WebSocketConnection } from './webSocketConnection.js';
import { type WebSocketReceiverOptions, webSocketReceiverChecks } from './webSocketReceiverOptions.js';

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
  checkOptions('webSocketReceiver', options, webSocketReceiverChecks);
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
