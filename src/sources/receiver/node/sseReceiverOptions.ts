import { InvalidOptionError } from '../../../batch/errors.js';
import { type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  checkFunction,
  checkPositive,
  checkPositiveInteger,
  checkText,
  checkTimer,
} from '../../../options/checks.js';

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
  readonly headers?: SseHeaders | (() => SseHeaders | PromiseLike<SseHeaders>) | undefined;
  /**
   * Makes a record of an event. What it throws fails the receiver.
   * @default the event itself
   */
  readonly parse?: ((event: SseEvent) => T) | undefined;
  /**
   * Where to begin when neither the checkpoint nor the write-ahead log has an id.
   * @default where the server begins
   */
  readonly lastEventId?: string | undefined;
  /**
   * The longest event, in bytes: a server that sends a longer one is left, which is a failure.
   * @default 1048576 (1 MiB)
   */
  readonly maxEventBytes?: number | undefined;
  /**
   * How long the answer may take, in ms.
   * @default 10000
   */
  readonly connectTimeout?: number | undefined;
  /**
   * How long the server may send nothing, not even a comment, while it is not made to wait, in ms; after that the receiver fails.
   * @default the 5 minutes of `fetch`
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Makes the request, for a proxy or certificates of your own.
   * @default the global `fetch`
   */
  readonly fetch?: typeof fetch | undefined;
}

/** Headers of a request. */
export type SseHeaders = Readonly<Record<string, string>>;

export const sseReceiverChecks: OptionChecks<SseReceiverOptions<never>> = {
  url: required(checkUrl),
  headers: checkHeaders,
  parse: checkFunction,
  lastEventId: checkText,
  maxEventBytes: checkPositiveInteger,
  connectTimeout: allOf(checkPositive, checkTimer),
  idleTimeout: allOf(checkPositive, checkTimer),
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
