import { InvalidOptionError } from '../../../batch/errors.js';
import { type OptionChecks, required } from '../../../options/checkOptions.js';
import {
  allOf,
  arrayOf,
  checkFunction,
  checkPositive,
  checkPositiveInteger,
  checkText,
  checkTimer,
} from '../../../options/checks.js';

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
  readonly protocols?: readonly string[] | undefined;
  /**
   * Options of the client of `ws`, such as `headers`, `agent` or `ca`.
   * @default none
   */
  readonly client?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Makes a record of a message: a string or a buffer. What it throws fails the receiver.
   * @default the message itself
   */
  readonly parse?: ((message: string | Buffer) => T) | undefined;
  /**
   * Returns what is sent once the connection is open, such as what to subscribe to: nothing, one message or several. `position` is
   * that of the last stored record, if `position` says it, to go on from there.
   * @default nothing is sent
   */
  readonly greet?: ((position: string | undefined) => WebSocketMessage | readonly WebSocketMessage[]) | undefined;
  /**
   * Returns where the server can go on after a record, such as its number in the feed: it is saved with the record, in the
   * write-ahead log or else in the checkpoint, and passed to `greet` after a restart.
   * @default the server cannot go on
   */
  readonly position?: ((record: T) => string | undefined) | undefined;
  /**
   * Returns what is sent once records are stored, given how many of this connection are: with a write-ahead log the server may
   * then forget them.
   * @default nothing is sent
   */
  readonly acknowledge?: ((stored: number) => WebSocketMessage) | undefined;
  /**
   * The longest message, in bytes: a server that sends a longer one is left, which is a failure.
   * @default 1048576 (1 MiB)
   */
  readonly maxMessageBytes?: number | undefined;
  /**
   * How long connecting may take, in ms.
   * @default 10000
   */
  readonly connectTimeout?: number | undefined;
  /**
   * How often the server is pinged, in ms. If nothing arrived from it by the next ping, while it is not made to wait, the receiver fails.
   * @default 30000
   */
  readonly pingInterval?: number | undefined;
}

export const webSocketReceiverChecks: OptionChecks<WebSocketReceiverOptions<never>> = {
  url: required(checkUrl),
  protocols: arrayOf(checkText),
  client: checkObject,
  parse: checkFunction,
  greet: checkFunction,
  position: checkFunction,
  acknowledge: checkFunction,
  maxMessageBytes: checkPositiveInteger,
  connectTimeout: allOf(checkPositive, checkTimer),
  pingInterval: allOf(checkPositive, checkTimer),
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
