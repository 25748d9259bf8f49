import type { BatchDetail } from '../wire/batchDetail.js';
import type { BoardUpdate } from '../wire/boardUpdate.js';

/** `online`: updates arrive. `offline`: it is being tried again. `full`: too, as too many pages are open. `refused`: the token is missing or wrong. */
export type ConnectionState = 'online' | 'offline' | 'full' | 'refused';

/** What a connection reports. */
export interface ConnectionEvents {
  update(update: BoardUpdate): void;
  state(state: ConnectionState): void;
}

const maxRetryDelayMs = 10_000;

/** The event stream of the page: it goes on where it was, after the server or the network was away. */
export class Connection {
  readonly #events: ConnectionEvents;
  #source: EventSource | undefined;
  #stream: string | undefined;
  #lastId = '';
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Rises whenever a source is opened or closed. */
  #turn = 0;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  /** Whether the page is visible: one that nobody sees costs the process nothing. */
  show(visible: boolean): void {
    if (!visible) this.#close();
    else if (!this.#source) this.#connect();
  }

  /** Follows another stream, the first one by default, from the oldest batch that is kept. */
  follow(stream: string | undefined): void {
    this.#stream = stream;
    this.#lastId = '';
    this.#connect();
  }

  #connect(): void {
    this.#close();
    const query = new URLSearchParams();
    if (this.#stream !== undefined) query.set('stream', this.#stream);
    if (this.#lastId !== '') query.set('after', this.#lastId);
    const source = new EventSource(`api/events?${query}`);
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.#events.state('online');
    };
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      this.#lastId = lastEventId;
      this.#events.update(JSON.parse(data) as BoardUpdate);
    };
    source.onerror = () => void this.#failed(source);
  }

  /** An EventSource tries again by itself while the server is away, and gives up when it is answered otherwise. */
  async #failed(source: EventSource): Promise<void> {
    if (source !== this.#source) return;
    if (source.readyState !== EventSource.CLOSED) return this.#events.state('offline');
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
