import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Observer } from 'rxjs';
import { InvalidOptionError, ReceiverError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  checkObserver,
  checkPort,
  checkPositive,
  checkPositiveInteger,
  checkText,
  checkTimer,
  oneOf,
} from '../../../options/checks.js';
import type { Resolved } from '../../../options/resolved.js';
import { withDefaults } from '../../../options/withDefaults.js';
import type { ReceiverSink } from '../receiver.js';
import { BodyTooLargeError, readBody } from './readBody.js';

/** Options of `httpReceiver`. */
export interface HttpReceiverOptions {
  /** The port to listen on, an integer; 0 for any that is free: `listeningObserver` receives it. */
  readonly port: number;
  /**
   * The address to listen on. Anything else than the loopback address is reachable for others: set a `token` then.
   * @default '127.0.0.1'
   */
  readonly host?: string | undefined;
  /**
   * The path that records are posted to.
   * @default '/'
   */
  readonly path?: string | undefined;
  /**
   * What a body is: `'json'` is one record, `'json-lines'` one a line, all of them one block, and `'bytes'` one record, a buffer.
   * @default 'json'
   */
  readonly format?: 'json' | 'json-lines' | 'bytes' | undefined;
  /**
   * The largest body, in bytes; a larger one is answered with 413.
   * @default 1048576 (1 MiB)
   */
  readonly maxBodyBytes?: number | undefined;
  /**
   * The number of requests that may be in work: read, or waiting for the disk. Others are answered with 429.
   * @default 100
   */
  readonly maxRequests?: number | undefined;
  /**
   * How long senders are asked to wait by an answer of 429, in ms; in whole seconds on the wire.
   * @default 1000
   */
  readonly retryAfter?: number | undefined;
  /**
   * How long a request may take to arrive, in ms.
   * @default 30000
   */
  readonly requestTimeout?: number | undefined;
  /**
   * What senders must have in `Authorization: Bearer TOKEN`; others are answered with 401.
   * @default nothing is asked for
   */
  readonly token?: string | undefined;
  /**
   * Its `next` receives the address once the server listens.
   * @default none
   */
  readonly listeningObserver?: Partial<Observer<AddressInfo>> | undefined;
}

/** How long requests in work may take when the receiver is left, in ms. */
const graceMs = 1_000;
const maxCheckingIntervalMs = 5_000;

const optionChecks: OptionChecks<HttpReceiverOptions> = {
  port: required(checkPort),
  host: checkText,
  path: checkPath,
  format: oneOf('json', 'json-lines', 'bytes'),
  maxBodyBytes: checkPositiveInteger,
  maxRequests: checkPositiveInteger,
  retryAfter: checkPositive,
  requestTimeout: allOf(checkPositive, checkTimer),
  token: checkToken,
  listeningObserver: checkObserver,
};

function checkPath(owner: string, option: string, path: unknown): void {
  if (typeof path === 'string' && path.startsWith('/')) return;
  throw new InvalidOptionError(owner, option, path, 'must begin with "/"');
}

/** The message does not show it. */
function checkToken(owner: string, option: string, token: unknown): void {
  if (typeof token === 'string' && token !== '') return;
  throw new InvalidOptionError(owner, option, token === '' ? '' : typeof token, 'must be a non-empty string');
}

/**
 * Receives what is posted to an HTTP server of its own. A request is answered with 202 once its records are stored, with a
 * write-ahead log once they are durable: its sender may forget them then, and sends again what was not answered. While the queue is
 * full it is answered with 429 and `Retry-After`, and nothing of it is taken.
 *
 * | answer | when |
 * | --- | --- |
 * | 202 | all records of the request are stored |
 * | 400 | the body cannot be parsed |
 * | 401 | the token is missing or wrong |
 * | 404, 405 | another path, another method than POST |
 * | 413 | the body is larger than `maxBodyBytes` |
 * | 422 | the write-ahead log could not read a record back |
 * | 429 | the queue is full, or `maxRequests` are in work |
 * | 503 | the stream is stopping |
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when the server cannot listen
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { httpReceiver } from 'dstream/node';
 *
 * const clicks = httpReceiver({
 *   port: 0,
 *   listeningObserver: {
 *     next: async ({ port }) => {
 *       const body = JSON.stringify({ page: '/' });
 *       const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
 *       console.log(status);
 *       await stream.stop();
 *     },
 *   },
 * });
 * const stream = receiverBatches(clicks, { interval: 50 });
 * stream
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length > 0) console.log(records);
 *     }),
 *   )
 *   .subscribe();
 * // => 202
 * // => [ { page: '/' } ]
 * ```
 */
export function httpReceiver<T = unknown>(options: HttpReceiverOptions): (sink: ReceiverSink<T>) => () => void {
  const settings = resolveHttpOptions(options);
  const { port, host, requestTimeout, listeningObserver } = settings;

  return (sink) => {
    const requests = new PostedRecords<T>(settings, sink);
    const timeouts = {
      requestTimeout,
      headersTimeout: requestTimeout,
      // How often Node looks for requests that take too long: every 30 s by default.
      connectionsCheckingInterval: Math.min(Math.max(Math.ceil(requestTimeout / 4), 1), maxCheckingIntervalMs),
    };
    const server = createServer(timeouts, (request, response) => requests.answer(request, response));
    server.on('error', (cause) => {
      sink.fail(new ReceiverError(`httpReceiver ${host}:${port}`, cause.message, { cause }));
    });
    server.listen(port, host, () => {
      sink.connected();
      try {
        listeningObserver?.next?.(server.address() as AddressInfo);
      } catch (error) {
        sink.fail(error);
      }
    });
    return () => {
      requests.stop();
      server.close();
      server.closeIdleConnections();
      // What is stored meanwhile is still answered.
      setTimeout(() => server.closeAllConnections(), graceMs).unref();
    };
  };
}

type HttpSettings = Resolved<Omit<HttpReceiverOptions, 'token' | 'listeningObserver'>> &
  Pick<HttpReceiverOptions, 'token' | 'listeningObserver'>;

function resolveHttpOptions(options: HttpReceiverOptions): HttpSettings {
  checkOptions('httpReceiver', options, optionChecks);
  const defaults = {
    host: '127.0.0.1',
    path: '/',
    format: 'json' as const,
    maxBodyBytes: 1 << 20,
    maxRequests: 100,
    retryAfter: 1_000,
    requestTimeout: 30_000,
  };
  return withDefaults(defaults, options);
}

/** Answers the requests of one server. */
class PostedRecords<T> {
  readonly #settings: HttpSettings;
  readonly #sink: ReceiverSink<T>;
  #inWork = 0;
  #stopped = false;

  constructor(settings: HttpSettings, sink: ReceiverSink<T>) {
    this.#settings = settings;
    this.#sink = sink;
  }

  stop(): void {
    this.#stopped = true;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#end(response, refusal);
      return;
    }
    this.#inWork++;
    void this.#receive(request)
      .catch((error: unknown) => {
        if (error instanceof BodyTooLargeError) return 413;
        // The sender has gone: nobody is answered.
        if (!request.complete) return undefined;
        return error instanceof SyntaxError ? 400 : 500;
      })
      .then((status) => {
        this.#inWork--;
        if (status !== undefined) this.#end(response, status);
        else response.destroy();
      });
  }

  /** Why a request is not even read. */
  #refusal({ method, url = '', headers }: IncomingMessage): number | undefined {
    const { path, token, maxRequests, maxBodyBytes } = this.#settings;
    if (url.split('?', 1)[0] !== path) return 404;
    if (method !== 'POST') return 405;
    if (token !== undefined && !isAuthorized(headers.authorization, token)) return 401;
    if (this.#stopped) return 503;
    if (Number(headers['content-length'] ?? 0) > maxBodyBytes) return 413;
    return this.#inWork >= maxRequests || !this.#sink.room() ? 429 : undefined;
  }

  /** Resolves to the answer, once the records are stored or refused. */
  async #receive(request: IncomingMessage): Promise<number> {
    const body = await readBody(request, this.#settings.maxBodyBytes);
    const records = recordsOf<T>(body, this.#settings.format);
    if (this.#stopped) return 503;
    // Others may have filled it while this one was read.
    if (!this.#sink.room()) return 429;
    if (records.length === 0) return 202;
    return new Promise((resolve) => {
      const stored = () => resolve(202);
      const refused = () => resolve(422);
      if (this.#settings.format === 'json-lines') this.#sink.storeBlock(records, stored, refused);
      else this.#sink.store(records[0] as T, stored, refused);
    });
  }

  #end(response: ServerResponse, status: number): void {
    if (response.writableEnded || response.destroyed) return;
    if (status === 429 || status === 503) {
      response.setHeader('Retry-After', Math.ceil(this.#settings.retryAfter / 1_000));
    }
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (status === 405) response.setHeader('Allow', 'POST');
    // The rest of a body that is not read would be taken for the next request.
    if (status === 413 || status === 503 || !response.req.complete) response.setHeader('Connection', 'close');
    response.writeHead(status).end();
  }
}

function recordsOf<T>(body: Buffer, format: HttpReceiverOptions['format']): readonly T[] {
  if (format === 'bytes') return [body as T];
  const text = body.toString();
  if (format === 'json') return [JSON.parse(text)];
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

function isAuthorized(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
