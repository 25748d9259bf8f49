import { checkOptions } from '../../../options/checkOptions.js';
import type { ReceiverSink } from '../receiver.js';
import { SseConnection } from './sseConnection.js';
import { type SseEvent, type SseReceiverOptions, sseReceiverChecks } from './sseReceiverOptions.js';

/**
 * Receives Server-Sent Events. It goes on by `Last-Event-ID`: the id of the last event is saved with the record, in the write-ahead log
 * or else in the checkpoint, and is sent when the receiver connects again, after a crash too. A server that keeps its events loses none
 * then, and with a log none comes twice.
 *
 * While the queue is full nothing is read, so that the server is made to wait. A connection that is lost, another answer than an event
 * stream, silence and too long an event are failures; the end of the stream, or an answer of 204, completes the receiver. With
 * `restart: { onClose: 'restart' }` it connects again after all of them, and no sooner than the server asks by `retry`.
 *
 * Needs the package `eventsource-parser`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the connection fails and the receiver is not started again
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { createServer } from 'node:http';
 * import type { AddressInfo } from 'node:net';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { sseReceiver } from 'dstream/node';
 *
 * const server = createServer((_, response) => {
 *   response.writeHead(200, { 'content-type': 'text/event-stream' });
 *   response.end('id: 7\ndata: a\n\nid: 8\ndata: b\n\n');
 * });
 * server.listen(0, '127.0.0.1');
 * await once(server, 'listening');
 * const { port } = server.address() as AddressInfo;
 *
 * const events = sseReceiver({ url: `http://127.0.0.1:${port}/`, parse: ({ id, data }) => `${id} ${data}` });
 * receiverBatches(events, { interval: 50 })
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length > 0) console.log(records);
 *     }),
 *   )
 *   .subscribe({ complete: () => server.close() });
 * // => [ '7 a', '8 b' ]
 * ```
 */
export function sseReceiver<T = SseEvent>(options: SseReceiverOptions<T>): (sink: ReceiverSink<T>) => () => void {
  const owner = 'sseReceiver';
  checkOptions(owner, options, sseReceiverChecks);
  const { url, headers, lastEventId, maxEventBytes = 1 << 20, connectTimeout = 10_000, idleTimeout } = options;
  const settings = {
    url: new URL(url),
    headers,
    parse: options.parse ?? ((event: SseEvent) => event as T),
    lastEventId,
    maxEventBytes,
    connectTimeout,
    idleTimeout,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
  };
  /** When the server lets each receiver connect again, by its number. */
  const notBefore: number[] = [];

  return (sink) => {
    const connection = new SseConnection<T>(settings, sink, (time) => {
      notBefore[sink.index] = time;
    });
    connection.start(notBefore[sink.index] ?? 0);
    return () => connection.close();
  };
}
