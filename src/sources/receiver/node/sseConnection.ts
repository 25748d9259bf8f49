import type { EventSourceMessage, EventSourceParser } from 'eventsource-parser';
import { ReceiverError } from '../../../batch/errors.js';
import type { Resolved } from '../../../options/resolved.js';
import type { ReceiverSink } from '../receiver.js';
import { FramePump } from './framePump.js';
import type { SseEvent, SseReceiverOptions } from './sseReceiverOptions.js';

export interface SseSettings<T>
  extends Resolved<Omit<SseReceiverOptions<T>, 'headers' | 'lastEventId' | 'idleTimeout'>> {
  readonly url: URL;
  readonly headers: SseReceiverOptions<T>['headers'] | undefined;
  readonly lastEventId: string | undefined;
  readonly idleTimeout: number | undefined;
}

/** One connection to a server of events, from the request to its end. */
export class SseConnection<T> {
  readonly #settings: SseSettings<T>;
  readonly #sink: ReceiverSink<T>;
  readonly #retryAt: (time: number) => void;
  readonly #abort = new AbortController();
  readonly #pump: FramePump<T>;
  #timer: NodeJS.Timeout | undefined;
  /** What reading waits for, while the queue is full. */
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  /** How long the server asks to be left alone after the connection, in ms. */
  #retry = 0;
  #lastId: string;
  /** Since an event or a comment ended, in bytes. */
  #unfinished = 0;
  #left = false;

  /** @param retryAt called at the end of the connection, with the earliest time of the next */
  constructor(settings: SseSettings<T>, sink: ReceiverSink<T>, retryAt: (time: number) => void) {
    this.#settings = settings;
    this.#sink = sink;
    this.#retryAt = retryAt;
    this.#lastId = sink.resumeFrom ?? settings.lastEventId ?? '';
    this.#pump = new FramePump(sink, {
      pause: () => {
        this.#room ??= pending();
      },
      resume: () => {
        this.#room?.resolve();
        this.#room = undefined;
      },
    });
  }

  /** @param time when to connect, by the clock of `performance` */
  start(time: number): void {
    this.#timer = setTimeout(() => void this.#run(), Math.max(time - performance.now(), 0));
  }

  close(): void {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#retryAt(performance.now() + this.#retry);
  }

  async #run(): Promise<void> {
    try {
      const parser = await this.#parser();
      const body = await this.#connect();
      if (body) await this.#read(body, parser);
      if (!this.#left) this.#pump.end(() => this.#sink.complete());
    } catch (error) {
      if (!this.#left) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const failure = error instanceof ReceiverError ? error : this.#error(reasonOf(error as Error), error);
    this.#sink.fail(failure);
    this.#abort.abort();
  }

  #error(reason: string, cause?: unknown): ReceiverError {
    const where = `sseReceiver ${this.#settings.url}`;
    return new ReceiverError(where, reason, cause === undefined ? undefined : { cause });
  }

  /** Resolves to `undefined` when the server has no events and never will. */
  async #connect(): Promise<ReadableStream<Uint8Array> | undefined> {
    const { url, headers, connectTimeout, fetch } = this.#settings;
    const given = typeof headers === 'function' ? await headers() : headers;
    const last = this.#lastId === '' ? {} : { 'last-event-id': headerText(this.#lastId) };
    this.#failAfter(connectTimeout, `no answer within ${connectTimeout} ms`);
    const response = await fetch(url, {
      headers: { ...given, accept: 'text/event-stream', ...last },
      cache: 'no-store',
      signal: this.#abort.signal,
    });
    clearTimeout(this.#timer);
    if (this.#left || response.status === 204) return undefined;
    const type = response.headers.get('content-type') ?? 'no content type';
    const isEvents = response.status === 200 && /^text\/event-stream\b/i.test(type);
    if (!isEvents || !response.body) {
      await response.body?.cancel();
      throw this.#error(`the answer is ${response.status} with ${type}, not an event stream`);
    }
    this.#sink.connected();
    return response.body;
  }

  async #read(body: ReadableStream<Uint8Array>, parser: EventSourceParser): Promise<void> {
    const { maxEventBytes, idleTimeout } = this.#settings;
    const decoder = new TextDecoder();
    const reader = body.getReader();
    while (!this.#left) {
      // A server that is made to wait is not idle.
      await this.#room?.promise;
      if (idleTimeout !== undefined) this.#failAfter(idleTimeout, `nothing came for ${idleTimeout} ms`);
      const { done, value } = await reader.read();
      clearTimeout(this.#timer);
      if (done) return;
      this.#unfinished += value.length;
      parser.feed(decoder.decode(value, { stream: true }));
      if (this.#unfinished > maxEventBytes)
        throw this.#error(`an event is too long: maxEventBytes is ${maxEventBytes}`);
    }
  }

  async #parser(): Promise<EventSourceParser> {
    const { createParser } = await import('eventsource-parser');
    return createParser({
      onEvent: (message) => this.#take(message),
      onComment: () => {
        this.#unfinished = 0;
      },
      onRetry: (retry) => {
        this.#retry = retry;
      },
    });
  }

  #take({ id, event: type = 'message', data }: EventSourceMessage): void {
    this.#unfinished = 0;
    if (this.#left) return;
    this.#lastId = id ?? this.#lastId;
    const event: SseEvent = { id: this.#lastId, type, data };
    this.#pump.push([this.#settings.parse(event)], undefined, id);
  }

  #failAfter(delay: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(this.#error(reason)), delay);
  }
}

/** What fetch fails with has the reason as its cause. */
function reasonOf(error: Error): string {
  const { message, code } = Object(error.cause) as { readonly message?: string; readonly code?: string };
  return message || code || error.message;
}

function pending(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Headers are bytes: a server reads these as UTF-8. */
function headerText(text: string): string {
  return Buffer.from(text).toString('latin1');
}
