import type { IncomingMessage, ServerResponse } from 'node:http';
import { foreachBatch, InvalidOptionError, memoryCheckpoint, ReceiverError, receiverBatches } from 'dstream';
import { type SseEvent, type SseReceiverOptions, sseReceiver } from 'dstream/node';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../crash/records.js';
import { allOf, runCrashing } from '../../../support/crashingStream.js';
import { withServer } from '../../../support/flakyServer.js';
import { FlakySseServer } from '../../../support/flakySseServer.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const serving = <R>(answer: Answer, run: (url: string) => Promise<R>): Promise<R> =>
  withServer({ request: (request, response) => answer(response, request) }, (port) => run(`http://127.0.0.1:${port}/`));
const events = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });
const numberOf = ({ data }: SseEvent) => Number(data);

describe('sseReceiver', () => {
  it('makes a record of each event, however the bytes are cut', async () => {
    const sent = Buffer.from(
      ': hello\n\nid: 1\ndata: ü\ndata: b\n\nevent: tick\ndata: c\r\n\r\nid\ndata: d\n\ndata: cut off',
    );
    const answer = async (response: ServerResponse) => {
      events(response);
      for (const byte of sent) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    };
    const records = await serving(answer, (url) => allOf(sseReceiver({ url })));
    expect(records).toEqual([
      { id: '1', type: 'message', data: 'ü\nb' },
      { id: '1', type: 'tick', data: 'c' },
      { id: '', type: 'message', data: 'd' },
    ]);
  });

  it('sends its headers and begins behind lastEventId', async () => {
    const heard: unknown[] = [];
    const answer: Answer = (response, { headers }) => {
      heard.push([headers.accept, headers['last-event-id'], headers.authorization]);
      response.writeHead(204).end();
    };
    await serving(answer, async (url) => {
      expect(await allOf(sseReceiver({ url }))).toEqual([]);
      const headers = async () => ({ authorization: 'Bearer t' });
      await allOf(sseReceiver({ url, headers, lastEventId: 'größer' }));
    });
    const inUtf8 = Buffer.from('größer').toString('latin1');
    expect(heard).toEqual([
      ['text/event-stream', undefined, undefined],
      ['text/event-stream', inUtf8, 'Bearer t'],
    ]);
  });

  it('connects again no sooner than the server asks', async () => {
    const times: number[] = [];
    const answer = (response: ServerResponse) => {
      times.push(performance.now());
      events(response).end('retry: 150\nid: 1\ndata: 1\n\n');
    };
    await serving(answer, async (url) => {
      const stream = receiverBatches(sseReceiver({ url }), { interval: 10, restart: { delay: 1, onClose: 'restart' } });
      await new Promise<void>((resolve) => {
        const subscription = stream.subscribe(() => {
          if (times.length < 2) return;
          subscription.unsubscribe();
          resolve();
        });
      });
    });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(140);
  });

  it('lets the server wait while the queue is full', async () => {
    // More than the buffers of sockets hold.
    const count = 50_000;
    let written = 0;
    const answer = (response: ServerResponse) => {
      events(response);
      const write = () => {
        while (written < count) {
          if (!response.write(`id: ${written++}\ndata: ${'x'.repeat(1_000)}\n\n`))
            return void response.once('drain', write);
        }
      };
      write();
    };
    const most: number[] = [];
    await serving(answer, (url) => {
      const stream = receiverBatches(sseReceiver({ url }), {
        interval: 10,
        maxQueue: 100,
        batchObserver: { next: ({ inputs }) => most.push(inputs.receiver?.receiver?.queuedRecords ?? -1) },
      });
      return new Promise<void>((resolve, reject) => {
        let received = 0;
        const subscription = stream
          .pipe(
            foreachBatch((records) => {
              for (const { id } of records) if (Number(id) !== received++) throw new Error(`${id} instead`);
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

  it.each<[string, Answer, Partial<SseReceiverOptions<SseEvent>>, string]>([
    ['another status', (response) => void response.writeHead(500).end(), {}, 'the answer is 500'],
    ['another type', (response) => void response.end('<html>'), {}, 'not an event stream'],
    [
      'too long an event',
      (response) => void events(response).write('x'.repeat(5_000)),
      { maxEventBytes: 1_000 },
      'maxEventBytes is 1000',
    ],
    ['a reset', (response) => void response.socket?.resetAndDestroy(), {}, 'ECONNRESET'],
    ['silence', (response) => void events(response).flushHeaders(), { idleTimeout: 50 }, 'nothing came for 50 ms'],
    ['no answer', () => {}, { connectTimeout: 60 }, 'no answer within 60 ms'],
  ])('fails by %s with a typed error that names the server', async (_, answer, options, reason) => {
    await serving(answer, async (url) => {
      const failed = allOf(sseReceiver({ url, ...options }));
      await expect(failed).rejects.toThrow(ReceiverError);
      await expect(failed).rejects.toThrow(`sseReceiver ${url}: `);
      await expect(failed).rejects.toThrow(reason);
    });
  });

  it('fails when nobody listens, and with what parse or headers throw', async () => {
    const gone = await serving(
      () => {},
      async (url) => url,
    );
    await expect(allOf(sseReceiver({ url: gone }))).rejects.toThrow('ECONNREFUSED');
    const fault = () => {
      throw new Error('no number');
    };
    const answer = (response: ServerResponse) => void events(response).write('data: x\n\n');
    await serving(answer, async (url) => {
      await expect(allOf(sseReceiver({ url, parse: fault }))).rejects.toThrow('no number');
      await expect(allOf(sseReceiver({ url, headers: fault }))).rejects.toThrow('no number');
    });
  });

  it('closes its connection when it is left', async () => {
    let closed = () => {};
    const left = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const answer = (response: ServerResponse) => {
      events(response).write('data: a\n\n');
      response.on('close', closed);
    };
    await serving(answer, async (url) => {
      const subscription = receiverBatches(sseReceiver({ url }), { interval: 10 }).subscribe(({ records }) => {
        if (records.length > 0) subscription.unsubscribe();
      });
      await left;
    });
  });

  it('goes on behind the last saved event in a stream that is started again with its checkpoint', async () => {
    const asked: (string | undefined)[] = [];
    const answer: Answer = (response, { headers }) => {
      const id = headers['last-event-id'] as string | undefined;
      asked.push(id);
      const next = Number(id ?? 0) + 1;
      events(response).end(`id: ${next}\ndata: ${next}\n\n`);
    };
    const checkpoint = memoryCheckpoint();
    await serving(answer, async (url) => {
      for (const n of [1, 2, 3]) {
        expect(await allOf(sseReceiver({ url, parse: numberOf }), { checkpoint })).toEqual([n]);
      }
    });
    expect(asked).toEqual([undefined, '1', '2']);
  });

  it('refuses options out of range', () => {
    const url = 'http://127.0.0.1/';
    expect(() => sseReceiver({ url: 'events' })).toThrow(InvalidOptionError);
    expect(() => sseReceiver({ url: 'ftp://127.0.0.1/' })).toThrow('sseReceiver: url ("ftp://127.0.0.1/")');
    expect(() => sseReceiver({ url, maxEventBytes: 0 })).toThrow('maxEventBytes (0)');
    expect(() => sseReceiver({ url, connectTimeout: 0 })).toThrow('connectTimeout (0)');
    expect(() => sseReceiver({ url, idleTimeout: 0 })).toThrow('idleTimeout (0)');
    // What a timer cannot wait fires at once.
    expect(() => sseReceiver({ url, idleTimeout: Infinity })).toThrow('idleTimeout (Infinity)');
    expect(() => sseReceiver({ url, connectTimeout: 2 ** 31 })).toThrow('connectTimeout (2147483648)');
  });

  it.each([true, false])(
    'has each event once from a server that resets, hangs, refuses, sends garbage and goes away, with a log: %s',
    async (log) => {
      const seed = Number(process.env.SSE_SEED ?? Date.now() % 1_000_000);
      console.log(`SSE_SEED=${seed}`);
      const random = randomOf(seed);
      const count = 1_500;
      const server = new FlakySseServer(count, random);
      await server.start();
      const receiver = sseReceiver({
        url: `http://127.0.0.1:${server.port}/`,
        parse: numberOf,
        maxEventBytes: 1_000,
        idleTimeout: 60,
        connectTimeout: 2_000,
      });
      const seen = await runCrashing({ receiver, count, random, log });
      await server.stop();
      expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(server.misbehaved.size).toBe(6);
    },
  );
});
