import { createServer, type Socket } from 'node:net';
import { FlakyServer } from './flakyServer.js';

/** What a server does with a connection, after so many lines. */
export type Misbehaviour = 'reset' | 'close' | 'hang' | 'garbage' | 'go away';

/**
 * A TCP server that sends numbered lines, keeps what was not acknowledged, and sends it again to the next connection. Each
 * connection ends in another way, until everything has been acknowledged.
 */
export class FlakyTcpServer extends FlakyServer {
  /** Lines that were acknowledged. */
  acknowledged = 0;
  connections = 0;
  readonly misbehaved = new Map<Misbehaviour, number>();
  readonly #count: number;
  readonly #next: () => number;

  /** @param next returns a random number below 1 */
  constructor(count: number, next: () => number) {
    super(() => createServer((socket) => this.#serve(socket)));
    this.#count = count;
    this.#next = next;
  }

  #serve(socket: Socket): void {
    this.connections++;
    const first = this.acknowledged;
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes;
      const lines = heard.split('\n');
      heard = lines.pop() ?? '';
      for (const line of lines) this.acknowledged = Math.max(this.acknowledged, first + Number(line));
    });
    const most = 1 + Math.floor(this.#next() * 60);
    const until = Math.min(first + most, this.#count);
    for (let n = first; n < until; n++) socket.write(`${n}\n`);
    if (until === this.#count && this.#next() < 0.5) {
      socket.end();
      return;
    }
    this.#misbehave(socket);
  }

  #misbehave(socket: Socket): void {
    const kinds: readonly Misbehaviour[] = ['reset', 'close', 'hang', 'garbage', 'go away'];
    // Each kind once, and then at random.
    const at = this.connections <= kinds.length ? this.connections - 1 : Math.floor(this.#next() * kinds.length);
    const kind = kinds[at] as Misbehaviour;
    this.misbehaved.set(kind, (this.misbehaved.get(kind) ?? 0) + 1);
    if (kind === 'reset') setTimeout(() => socket.resetAndDestroy(), 10 * this.#next());
    else if (kind === 'close') socket.end();
    else if (kind === 'garbage') socket.write(Buffer.alloc(2_000, 0xff));
    else if (kind === 'go away') void this.restart(20 * this.#next());
  }
}
