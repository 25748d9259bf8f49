import type { BatchDetail } from '../wire/batchDetail.js';
import type { BoardUpdate } from '../wire/boardUpdate.js';

/**
 * `online`: updates arrive. `silent`: they should, and do not. `offline`: it is being tried again. `full`: too, as too many pages are open.
 * `refused`: the token is missing or wrong.
 */
export type ConnectionState = 'online' | 'silent' | 'offline' | 'full' | 'refused';

/** What a connection reports. */
export interface ConnectionEvents {
  update(update: BoardUpdate): void;
  /** `silentMs`: since when, of `silent`, which is reported once a second. */
  state(state: ConnectionState, silentMs?: number): void;
}

const maxRetryDelayMs = 10_000;
/** Updates of a stream that runs come every second. A blocked process or a dead tunnel closes no connection, so that no `error` comes. */
const silentAfterMs = 5_000;
/** A connection that has died unnoticed is replaced. */
const replaceAfterMs = 30_000;

/** The event stream of the page: it goes on where it was, after the server or the network was away. */
export class Connection {
  readonly #events: ConnectionEvents;
  #source: EventSource | undefined;
  #stream: string | undefined;
  #lastId = '';
  #failures = 0;
  /** The next look at an open stream, or the next attempt to open one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #openedAt = 0;
  #heardAt = 0;
  /** Whether nothing needs to come: the stream has ended, or has not begun. */
  #quiet = false;
  #silent = false;
  /** Rises whenever a source is opened or closed. */
  #turn = 0;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  /** Whether the page is visible: one that nobody sees costs the process nothing. */
  show(visible: boolean): void {
    if (!visible) this.#close();
    else if (!this.#source) this.#begin();
  }

  /** Follows another stream, the first one by default, from the oldest batch that is kept. */
  follow(stream: string | undefined): void {
    this.#stream = stream;
    this.#lastId = '';
    this.#quiet = false;
    this.#begin();
  }

  #begin(): void {
    this.#heardAt = performance.now();
    this.#connect();
  }

  #connect(): void {
    this.#close();
    const query = new URLSearchParams();
    if (this.#stream !== undefined) query.set('stream', this.#stream);
    if (this.#lastId !== '') query.set('after', this.#lastId);
    const source = new EventSource(`api/events?${query}`);
    this.#source = source;
    this.#openedAt = performance.now();
    this.#watch();
    source.onopen = () => {
      this.#failures = 0;
      this.#watch();
      this.#events.state('online');
    };
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      this.#lastId = lastEventId;
      const update = JSON.parse(data) as BoardUpdate;
      const status = update.view?.status;
      this.#quiet = status === undefined || status === 'stopped' || status === 'failed';
      this.#heardAt = performance.now();
      if (this.#silent) this.#events.state('online');
      this.#silent = false;
      this.#events.update(update);
    };
    source.onerror = () => void this.#failed(source);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), 1_000);
  }

  #look(): void {
    const now = performance.now();
    const silence = now - this.#heardAt;
    this.#silent = !this.#quiet && silence >= silentAfterMs;
    if (this.#silent) this.#events.state('silent', silence);
    if (this.#silent && now - this.#openedAt >= replaceAfterMs) this.#connect();
    else this.#watch();
  }

  /** An EventSource tries again by itself while the server is away, and gives up when it is answered otherwise. */
  async #failed(source: EventSource): Promise<void> {
    if (source !== this.#source) return;
    if (source.readyState !== EventSource.CLOSED) {
      clearTimeout(this.#timer);
      return this.#events.state('offline');
    }
    this.#close();
    const turn = this.#turn;
    const status = await fetch('api/events', { method: 'HEAD' }).then(
      (response) => response.status,
      () => 0,
    );
    // Another stream may be followed by now, or the page hidden or visible again.
    if (turn !== this.#turn) return;
    if (status === 401) return this.#events.state('refused');
    this.#events.state(status === 503 ? 'full' : 'offline');
    this.#timer = setTimeout(() => this.#connect(), Math.min(1_000 * 2 ** this.#failures, maxRetryDelayMs));
    this.#failures++;
  }

  #close(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }
}

/** What opens under a row; `undefined` where the server does not keep it. */
export async function loadDetail(stream: string, id: string): Promise<BatchDetail | undefined> {
  const response = await fetch(`api/batch?${new URLSearchParams({ stream, id })}`);
  return response.ok ? ((await response.json()) as BatchDetail) : undefined;
}

/** Exchanges a token for a cookie. Returns whether it was right. */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch('api/session', { method: 'POST', body: token });
  return response.ok;
}
