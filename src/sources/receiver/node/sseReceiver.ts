import { InvalidOptionError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import { checkFunction, checkPositive, checkPositiveInteger, checkText } from '../../../options/checks.js';
import type { ReceiverSink } from '../receiver.js';
import { SseConnection } from './sseConnection.js';

/** An event of a server: `SseEvent` is the record unless `parse` makes another. */
export interface SseEvent {
  /** The id of the last event that had one; an empty string before that. */
  readonly id: string;
  /** Its type, `'message'` where the server sets none. */
  readonly type: string;
  /** Its data. */
  readonly data: string;
}

/** Options of `sseReceiver`. Durations are in ms. */
export interface SseReceiverOptions<T> {
  /** The address of the event stream. */
  readonly url: string | URL;
  /**
   * Headers of the request, or a function that returns them at each connection, such as a token that expires.
   * @default none but `Accept` and `Last-Event-ID`
   */
  readonly headers?: SseHeaders | (() => SseHeaders | PromiseLike<SseHeaders>);
  /**
   * Makes a record of an event. What it throws fails the receiver.
   * @default the event itself
   */
  readonly parse?: (event: SseEvent) => T;
  /**
   * Where to begin when neither the checkpoint nor the write-ahead log has an id.
   * @default where the server begins
   */
  readonly lastEventId?: string;
  /**
   * The longest event, in bytes: a server that sends a longer one is left, which is a failure.
   * @default 1048576 (1 MiB)
   */
  readonly maxEventBytes?: number;
  /**
   * How long the answer may take, in ms.
   * @default 10000
   */
  readonly connectTimeout?: number;
  /**
   * How long the server may send nothing, not even a comment, while it is not made to wait, in ms; after that the receiver fails.
   * @default the 5 minutes of `fetch`
   */
  readonly idleTimeout?: number;
  /**
   * Makes the request, for a proxy or certificates of your own.
   * @default the global `fetch`
   */
  readonly fetch?: typeof fetch;
}

/** Headers of a request. */
export type SseHeaders = Readonly<Record<string, string>>;

const optionChecks: OptionChecks<SseReceiverOptions<never>> = {
  url: required(checkUrl),
  headers: checkHeaders,
  parse: checkFunction,
  lastEventId: checkText,
  maxEventBytes: checkPositiveInteger,
  connectTimeout: checkPositive,
  idleTimeout: checkPositive,
  fetch: checkFunction,
};

function checkUrl(owner: string, option: string, url: string | URL): void {
  const isText = typeof url === 'string' || url instanceof URL;
  if (isText && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new InvalidOptionError(owner, option, url, 'must be an http or https address');
}

function checkHeaders(owner: string, option: string, headers: unknown): void {
  if (typeof headers === 'function' || (typeof headers === 'object' && headers !== null && !Array.isArray(headers)))
    return;
  throw new InvalidOptionError(owner, option, headers, 'must be an object of headers, or a function that returns one');
}

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
  checkOptions(owner, options, optionChecks);
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
