import type { RawData, WebSocket } from 'ws';
import { ReceiverError } from '../../../batch/errors.js';
import type { Resolved } from '../../../options/resolved.js';
import type { ReceiverSink } from '../receiver.js';
import { FramePump } from './framePump.js';
import type { WebSocketReceiverOptions } from './webSocketReceiverOptions.js';

type Callbacks = 'greet' | 'position' | 'acknowledge';

export interface WebSocketSettings<T> extends Resolved<Omit<WebSocketReceiverOptions<T>, Callbacks>> {
  readonly greet: WebSocketReceiverOptions<T>['greet'] | undefined;
  readonly position: WebSocketReceiverOptions<T>['position'] | undefined;
  readonly acknowledge: WebSocketReceiverOptions<T>['acknowledge'] | undefined;
}

/** Codes with which a server ends a connection that it has no more to say on; 1005 means that it sent none. */
const normalCodes: readonly number[] = [1000, 1001, 1005];

/** One connection to a WebSocket server, from the handshake to its end. */
export class WebSocketConnection<T> {
  readonly #settings: WebSocketSettings<T>;
  readonly #sink: ReceiverSink<T>;
  readonly #pump: FramePump<T>;
  #socket: WebSocket | undefined;
  #pinging: NodeJS.Timeout | undefined;
  /** Whether anything arrived since the last ping. */
  #alive = true;
  #received = 0;
  #left = false;

  constructor(settings: WebSocketSettings<T>, sink: ReceiverSink<T>) {
    this.#settings = settings;
    this.#sink = sink;
    this.#pump = new FramePump(sink, {
      pause: () => this.#socket?.pause(),
      resume: () => {
        // A server that was made to wait was not idle.
        this.#alive = true;
        this.#socket?.resume();
      },
    });
  }

  async start(): Promise<void> {
    const { url, protocols, client, maxMessageBytes, connectTimeout } = this.#settings;
    try {
      const { WebSocket } = await import('ws');
      if (this.#left) return;
      const options = { ...client, maxPayload: maxMessageBytes, handshakeTimeout: connectTimeout };
      const socket = new WebSocket(url, [...protocols], options);
      this.#socket = socket;
      socket.on('open', () => this.#guarded(() => this.#open(socket)));
      socket.on('message', (data, binary) => this.#guarded(() => this.#take(socket, data, binary)));
      socket.on('pong', () => this.#heard());
      socket.on('ping', () => this.#heard());
      socket.on('error', (error) => this.#fail(error.message, error));
      socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
    } catch (error) {
      this.#fail((error as Error).message, error);
    }
  }

  close(): void {
    this.#left = true;
    clearInterval(this.#pinging);
    // `ws` reports it as an error when it is terminated while it connects.
    this.#socket?.terminate();
  }

  #open(socket: WebSocket): void {
    const { greet, pingInterval } = this.#settings;
    this.#sink.connected();
    if (this.#left) return;
    const greeting = greet?.(this.#sink.resumeFrom) ?? [];
    const messages = typeof greeting === 'string' || greeting instanceof Uint8Array ? [greeting] : greeting;
    for (const message of messages) socket.send(message);
    this.#pinging = setInterval(() => this.#ping(socket), pingInterval);
  }

  #ping(socket: WebSocket): void {
    if (socket.isPaused) return;
    if (!this.#alive) {
      this.#fail(`nothing came for ${this.#settings.pingInterval} ms, not even an answer to a ping`);
      return;
    }
    this.#alive = false;
    socket.ping();
  }

  #heard(): void {
    this.#alive = true;
  }

  #take(socket: WebSocket, data: RawData, binary: boolean): void {
    if (this.#left) return;
    this.#heard();
    const { parse, position, acknowledge } = this.#settings;
    const bytes = bufferOf(data);
    const record = parse(binary ? bytes : bytes.toString());
    const stored = ++this.#received;
    const acknowledged = acknowledge && (() => this.#guarded(() => socket.send(acknowledge(stored), () => {})));
    this.#pump.push([record], acknowledged, position?.(record));
  }

  #closed(code: number, reason: string): void {
    clearInterval(this.#pinging);
    this.#pump.end(() => {
      if (normalCodes.includes(code)) this.#sink.complete();
      else this.#fail(`the connection was closed with code ${code}${reason === '' ? '' : `: ${reason}`}`);
    });
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail((error as Error).message, error);
    }
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#left) return;
    const where = `webSocketReceiver ${this.#settings.url}`;
    this.#sink.fail(new ReceiverError(where, reason, cause === undefined ? undefined : { cause }));
    this.close();
  }
}

function bufferOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
