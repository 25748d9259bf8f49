import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { foreachBatch, InvalidOptionError, memoryCheckpoint, ReceiverError, receiverBatches } from 'dstream';
import { webSocketReceiver } from 'dstream/node';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { randomOf } from '../../../crash/records.js';
import { allOf, runCrashing } from '../../../support/crashingStream.js';
import { withServer } from '../../../support/flakyServer.js';
import { FlakyWebSocketServer } from '../../../support/flakyWebSocketServer.js';

type Serve = (client: WebSocket, tcp: Socket) => void;

/** Serves each connection by `serve` while `run` lasts. */
function serving<R>(serve: Serve, run: (url: string) => Promise<R>): Promise<R> {
  const sockets = new WebSocketServer({ noServer: true });
  const upgrade: Parameters<typeof withServer>[0]['upgrade'] = (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => {});
      serve(client, socket as Socket);
    });
  return withServer({ upgrade }, (port) => run(`ws://127.0.0.1:${port}/`));
}

describe('webSocketReceiver', () => {
  it('makes a record of each message, text and bytes', async () => {
    const serve = (client: WebSocket) => {
      client.send('a');
      client.send(Buffer.of(1, 2));
      client.send('ü', { fin: false });
      client.send('b', { fin: true });
      client.close(1000);
    };
    const records = await serving(serve, (url) => allOf(webSocketReceiver({ url })));
    expect(records).toEqual(['a', Buffer.of(1, 2), 'üb']);
  });

  it('greets the server, with headers and subprotocols', async () => {
    const heard: string[] = [];
    const serve = (client: WebSocket) => {
      heard.push(client.protocol);
      client.on('message', (message) => {
        heard.push(String(message));
        if (heard.length === 3) client.close();
      });
    };
    await serving(serve, (url) =>
      allOf(
        webSocketReceiver({
          url,
          protocols: ['v2'],
          client: { headers: { a: 'b' } },
          greet: () => ['x', Buffer.from('y')],
        }),
      ),
    );
    expect(heard).toEqual(['v2', 'x', 'y']);
  });

  it('acknowledges what is stored', async () => {
    const heard: string[] = [];
    const serve = (client: WebSocket) => {
      for (const text of ['a', 'b', 'c']) client.send(text);
      client.on('message', (message) => {
        heard.push(String(message));
        if (heard.at(-1) === '3') client.close();
      });
    };
    const records = await serving(serve, (url) => allOf(webSocketReceiver({ url, acknowledge: String })));
    expect(records).toEqual(['a', 'b', 'c']);
    expect(heard).toEqual(['1', '2', '3']);
  });

  it('lets the server wait while the queue is full', async () => {
    const count = 50_000;
    // More than the buffers of two sockets take.
    let written = 0;
    const serve = async (client: WebSocket) => {
      while (written < count && client.readyState === client.OPEN) {
        await new Promise((sent) => client.send(`${written++}`.padEnd(1_000), sent));
      }
    };
    const most: number[] = [];
    await serving(serve, (url) => {
      const stream = receiverBatches(webSocketReceiver({ url, parse: Number }), {
        interval: 10,
        maxQueue: 100,
        batchObserver: { next: ({ inputs }) => most.push(inputs.receiver?.receiver?.queuedRecords ?? -1) },
      });
      return new Promise<void>((resolve, reject) => {
        let received = 0;
        const subscription = stream
          .pipe(
            foreachBatch((records) => {
              for (const n of records) if (n !== received++) throw new Error(`${n} instead`);
              if (received < 300) return timer(records.length > 0 ? 10 : 0);
              subscription.unsubscribe();
              resolve();
              return undefined;
            }),
          )
          .subscribe({ error: reject });
      });
    });
    expect(written).toBeLessThan(count);
    expect(Math.max(...most)).toBeLessThanOrEqual(100);
  });

  it.each<[string, Serve, { pingInterval?: number; maxMessageBytes?: number }, string]>([
    [
      'too long a message',
      (client) => client.send('x'.repeat(5_000)),
      { maxMessageBytes: 1_000 },
      'Max payload size exceeded',
    ],
    ['a reset', (_, tcp) => void tcp.resetAndDestroy(), {}, 'ECONNRESET|closed with code 1006'],
    ['silence', (_, tcp) => void tcp.pause(), { pingInterval: 50 }, 'nothing came for 50 ms'],
    ['garbage', (_, tcp) => void tcp.write(Buffer.alloc(100, 0xff)), {}, 'Invalid WebSocket frame'],
    ['a fault of the server', (client) => client.close(1011, 'a fault'), {}, 'closed with code 1011: a fault'],
    ['a lost connection', (_, tcp) => void tcp.end(), {}, 'closed with code 1006'],
  ])('fails by %s with a typed error that names the server', async (_, serve, options, reason) => {
    await serving(serve, async (url) => {
      const failed = allOf(webSocketReceiver({ url, connectTimeout: 300_000, ...options }));
      await expect(failed).rejects.toThrow(ReceiverError);
      await expect(failed).rejects.toThrow(`webSocketReceiver ${url}: `);
      await expect(failed).rejects.toThrow(new RegExp(reason));
    });
  });

  it('fails when the server is none, does not answer or cannot be reached, and with what the functions throw', async () => {
    const page = withServer({ request: (_, response) => void response.end('<html>') }, (port) =>
      allOf(webSocketReceiver({ url: `ws://127.0.0.1:${port}` })),
    );
    await expect(page).rejects.toThrow('Unexpected server response: 200');
    const mute = withServer({ upgrade: () => {} }, (port) =>
      allOf(webSocketReceiver({ url: `ws://127.0.0.1:${port}`, connectTimeout: 50 })),
    );
    await expect(mute).rejects.toThrow('Opening handshake has timed out');
    const fault = () => {
      throw new Error('no number');
    };
    const url = await serving(
      (client) => client.send('x'),
      async (open) => {
        await expect(allOf(webSocketReceiver({ url: open, parse: fault }))).rejects.toThrow('no number');
        await expect(allOf(webSocketReceiver({ url: open, greet: fault }))).rejects.toThrow('no number');
        await expect(allOf(webSocketReceiver({ url: open, acknowledge: fault }))).rejects.toThrow('no number');
        return open;
      },
    );
    await expect(allOf(webSocketReceiver({ url }))).rejects.toThrow('ECONNREFUSED');
  });

  it.each([true, false])('closes its connection when it is left, connected: %s', async (connected) => {
    let closed = () => {};
    const left = new Promise<void>((resolve) => {
      closed = resolve;
    });
    let leave = () => {};
    const upgrade = (_: unknown, socket: Duplex) => {
      // The server may go on sending to a client that has ended its side.
      socket.resume().on('end', closed).on('close', closed);
      leave();
    };
    const serve = (client: WebSocket) => {
      client.on('close', closed);
      leave();
    };
    const run = async (url: string) => {
      const subscription = receiverBatches(webSocketReceiver({ url }), { interval: 10 }).subscribe();
      leave = () => subscription.unsubscribe();
      await left;
    };
    if (connected) await serving(serve, run);
    else await withServer({ upgrade }, (port) => run(`ws://127.0.0.1:${port}/`));
  });

  it('goes on behind the last saved position in a stream that is started again with its checkpoint', async () => {
    const asked: string[] = [];
    const serve = async (client: WebSocket) => {
      const [message] = await once(client, 'message');
      asked.push(String(message));
      client.send(String(Number(message) + 1));
      client.close();
    };
    const checkpoint = memoryCheckpoint();
    await serving(serve, async (url) => {
      const receiver = webSocketReceiver({ url, parse: Number, greet: (last = '0') => last, position: String });
      for (const n of [1, 2, 3]) expect(await allOf(receiver, { checkpoint })).toEqual([n]);
    });
    expect(asked).toEqual(['0', '1', '2']);
  });

  it('refuses options out of range', () => {
    const url = 'ws://127.0.0.1/';
    expect(() => webSocketReceiver({ url: 'http://127.0.0.1/' })).toThrow(InvalidOptionError);
    expect(() => webSocketReceiver({ url: 'feed' })).toThrow('webSocketReceiver: url ("feed")');
    expect(() => webSocketReceiver({ url, maxMessageBytes: 0 })).toThrow('maxMessageBytes (0)');
    expect(() => webSocketReceiver({ url, connectTimeout: 0 })).toThrow('connectTimeout (0)');
    expect(() => webSocketReceiver({ url, pingInterval: 0 })).toThrow('pingInterval (0)');
    // What a timer cannot wait fires at once.
    expect(() => webSocketReceiver({ url, pingInterval: Infinity })).toThrow('pingInterval (Infinity)');
    expect(() => webSocketReceiver({ url, connectTimeout: 2 ** 31 })).toThrow('connectTimeout (2147483648)');
    expect(() => webSocketReceiver({ url, greet: 'hello' as never })).toThrow('greet ("hello")');
  });

  it.each([true, false])(
    'has each message once from a server that resets, hangs, refuses, sends garbage and goes away, with a log: %s',
    async (log) => {
      const seed = Number(process.env.WEBSOCKET_SEED ?? Date.now() % 1_000_000);
      console.log(`WEBSOCKET_SEED=${seed}`);
      const random = randomOf(seed);
      const count = 1_500;
      const server = new FlakyWebSocketServer(count, random);
      await server.start();
      const receiver = webSocketReceiver({
        url: `ws://127.0.0.1:${server.port}/`,
        parse: Number,
        greet: (last) => String(last === undefined ? 0 : Number(last) + 1),
        position: String,
        maxMessageBytes: 1_000,
        pingInterval: 60,
        connectTimeout: 2_000,
      });
      const seen = await runCrashing({ receiver, count, random, log });
      await server.stop();
      expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(server.misbehaved.size).toBe(7);
    },
  );
});
