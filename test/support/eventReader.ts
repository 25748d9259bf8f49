import { type IncomingMessage, request } from 'node:http';
import type { BoardUpdate } from '../../src/dashboard/wire/boardUpdate.js';

export interface ReceivedUpdate {
  readonly id: string;
  readonly update: BoardUpdate;
}

/** Reads the event stream of a board as a page does. */
export class EventReader {
  readonly response: IncomingMessage;
  readonly #received: ReceivedUpdate[] = [];
  readonly #waiting: ((received: ReceivedUpdate | undefined) => void)[] = [];
  #closed = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) this.#read(message);
    });
    response.on('close', () => {
      this.#closed = true;
      for (const resolve of this.#waiting.splice(0)) resolve(undefined);
    });
  }

  /** Resolves when the server has answered. */
  static open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      request(url, { headers, agent: false }, (response) => resolve(new EventReader(response)))
        .on('error', reject)
        .end();
    });
  }

  /** The next update; `undefined` when the stream has ended. */
  next(): Promise<ReceivedUpdate | undefined> {
    const received = this.#received.shift();
    if (received || this.#closed) return Promise.resolve(received);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Reads on until an update is as wanted, and returns all up to it. */
  async until(wanted: (received: ReceivedUpdate) => boolean): Promise<readonly ReceivedUpdate[]> {
    const all: ReceivedUpdate[] = [];
    for (let received = await this.next(); received; received = await this.next()) {
      all.push(received);
      if (wanted(received)) return all;
    }
    throw new Error(`the event stream ended after ${all.length} updates`);
  }

  close(): void {
    this.response.destroy();
  }

  #read(message: string): void {
    const data = /^data: (.*)$/m.exec(message)?.[1];
    if (data === undefined) return;
    const received = { id: /^id: ?(.*)$/m.exec(message)?.[1] ?? '', update: JSON.parse(data) as BoardUpdate };
    const resolve = this.#waiting.shift();
    if (resolve) resolve(received);
    else this.#received.push(received);
  }
}
