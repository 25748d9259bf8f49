import type { ServerResponse } from 'node:http';

/** The event stream (SSE) of one page. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    // A connection that broke: `close` follows.
    response.on('error', () => {});
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    // A page that lost its server asks again after this many ms.
    response.write('retry: 1000\n\n');
  }

  /** Bytes that wait because the page does not read as fast. */
  get queuedBytes(): number {
    return this.#response.writableLength;
  }

  /** `data` is one line. */
  send(id: string, data: string): void {
    this.#response.write(`id: ${id}\ndata: ${data}\n\n`);
  }

  /** Keeps the connection open through proxies that close idle ones. */
  comment(): void {
    this.#response.write(':\n\n');
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  end(): void {
    this.#response.end();
  }
}
