import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import type { NumberedSender } from './numberedSender.js';

/** How often the next events of a feed are sent, in ms. */
const feedIntervalMs = 5;
const eventsAtOnce = 10;

/** One connection of a feed, and the number that it sends next. */
interface Feed {
  next: number;
  send(n: number): void;
}

/**
 * A server whose connections each get the numbers behind the one that they ask for. To ask for more acknowledges what came before: the
 * feed could forget it.
 */
class NumberedFeed {
  readonly acknowledged = new Set<number>();
  readonly #feeds = new Set<Feed>();
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor() {
    this.#timer = setInterval(() => this.#sendMore(), feedIntervalMs);
  }

  /** @param last the last number that the receiver has, -1 at the beginning */
  serve(last: number, send: (n: number) => void): () => void {
    for (let n = this.acknowledged.size; n <= last; n++) this.acknowledged.add(n);
    const feed = { next: last + 1, send };
    this.#feeds.add(feed);
    return () => this.#feeds.delete(feed);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#feeds.size > 0) await sleep(10);
    clearInterval(this.#timer);
  }

  #sendMore(): void {
    if (this.#stopped) return;
    for (const feed of this.#feeds) {
      for (let i = 0; i < eventsAtOnce; i++) feed.send(feed.next++);
    }
  }
}

/** Server-Sent Events that go on behind `Last-Event-ID`. */
export async function sseSender(): Promise<NumberedSender> {
  const feed = new NumberedFeed();
  const server = createServer(({ headers }, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const end = feed.serve(Number(headers['last-event-id'] ?? -1), (n) => response.write(`id: ${n}\ndata: ${n}\n\n`));
    response.on('error', () => {});
    response.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return numberedSender(feed, (server.address() as AddressInfo).port, () => server.close());
}

/** A WebSocket server that goes on behind the number in the first message. */
export async function webSocketSender(): Promise<NumberedSender> {
  const feed = new NumberedFeed();
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (client: WebSocket) => {
    client.on('error', () => {});
    client.on('message', (last) => {
      const end = feed.serve(Number(String(last)), (n) => client.send(String(n), () => {}));
      client.on('close', end);
    });
  });
  await once(server, 'listening');
  return numberedSender(feed, (server.address() as AddressInfo).port, () => server.close());
}

function numberedSender(feed: NumberedFeed, port: number, close: () => void): NumberedSender {
  return {
    place: String(port),
    exactlyOnce: true,
    acknowledged: feed.acknowledged,
    delays: [],
    stop: async () => {
      await feed.stop();
      close();
    },
  };
}
