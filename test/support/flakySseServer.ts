import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { FlakyServer } from './flakyServer.js';

type Misbehaviour = 'reset' | 'close' | 'hang' | 'garbage' | 'refuse' | 'go away';

const kinds: readonly Misbehaviour[] = ['reset', 'close', 'hang', 'garbage', 'refuse', 'go away'];

/** Serves numbered events behind the one that a request has in `Last-Event-ID`. Each connection ends in another way. */
export class FlakySseServer extends FlakyServer {
  readonly misbehaved = new Map<Misbehaviour, number>();
  readonly #count: number;
  readonly #next: () => number;

  /** @param next returns a random number below 1 */
  constructor(count: number, next: () => number) {
    super(() => createServer((request, response) => this.#serve(request, response)));
    this.#count = count;
    this.#next = next;
  }

  #serve({ headers }: IncomingMessage, response: ServerResponse): void {
    const kind = kinds[Math.floor(this.#next() * kinds.length)] as Misbehaviour;
    this.misbehaved.set(kind, (this.misbehaved.get(kind) ?? 0) + 1);
    if (kind === 'refuse') {
      response.writeHead(503).end('later');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1\n\n: welcome\n\n');
    const first = Number(headers['last-event-id'] ?? -1) + 1;
    const until = Math.min(first + 1 + Math.floor(this.#next() * 60), this.#count);
    for (let n = first; n < until; n++) response.write(`id: ${n}\ndata: ${n}\n\n`);
    if (kind === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 10 * this.#next());
    else if (kind === 'close') response.end();
    else if (kind === 'garbage') response.write(Buffer.alloc(2_000, 0xff));
    else if (kind === 'go away') setTimeout(() => void this.restart(20 * this.#next()), 5 * this.#next());
  }
}
