import { mkdtempSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchStream,
  foreachBatch,
  InvalidOptionError,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverBatchesOptions,
  ReceiverError,
  receiverBatches,
} from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, type HttpReceiverOptions, httpReceiver } from 'dstream/node';
import { firstValueFrom, ReplaySubject, retry, Subject, type Subscription, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../crash/records.js';
import { slowWriteAheadLog } from '../../../support/slowWriteAheadLog.js';

interface Server {
  readonly url: string;
  readonly port: number;
  readonly records: unknown[];
  readonly stream: BatchStream<unknown>;
  readonly subscription: Subscription;
  post(body: string | Uint8Array, init?: RequestInit): Promise<Response>;
}

/** Runs a stream from a server of its own while `run` lasts. */
async function serving<R>(
  options: Partial<HttpReceiverOptions>,
  stream: Partial<ReceiverBatchesOptions>,
  run: (server: Server) => Promise<R>,
): Promise<R> {
  const listening = new ReplaySubject<AddressInfo>(1);
  const records: unknown[] = [];
  const batches = receiverBatches(httpReceiver({ port: 0, listeningObserver: listening, ...options }), {
    interval: 10,
    ...stream,
  });
  const subscription = batches
    .pipe(foreachBatch((batch) => void records.push(...batch)))
    .subscribe({ error: (error: unknown) => records.push(error) });
  const { port } = await firstValueFrom(listening);
  const url = `http://127.0.0.1:${port}`;
  const post = (body: string | Uint8Array, init: RequestInit = {}) =>
    fetch(`${url}/`, { method: 'POST', body: body as string, ...init });
  try {
    return await run({ url, port, records, stream: batches, subscription, post });
  } finally {
    subscription.unsubscribe();
  }
}

const status = async (response: Promise<Response>) => (await response).status;

describe('httpReceiver', () => {
  it('takes a JSON body as one record, and answers 202', async () => {
    await serving({}, {}, async ({ post, records, stream }) => {
      expect(await status(post('{"a":[1,"ü"]}'))).toBe(202);
      expect(await status(post('[1,2]'))).toBe(202);
      await stream.stop();
      expect(records).toEqual([{ a: [1, 'ü'] }, [1, 2]]);
    });
  });

  it('takes each JSON line as a record, all of a body or none, and bytes as they are', async () => {
    await serving({ format: 'json-lines' }, {}, async ({ post, records, stream }) => {
      expect(await status(post('1\n{"b":2}\n\n3'))).toBe(202);
      expect(await status(post('4\nnot json'))).toBe(400);
      expect(await status(post(''))).toBe(202);
      await stream.stop();
      expect(records).toEqual([1, { b: 2 }, 3]);
    });
    await serving({ format: 'bytes' }, {}, async ({ post, records, stream }) => {
      expect(await status(post(new Uint8Array([0, 255])))).toBe(202);
      await stream.stop();
      expect(records).toEqual([Buffer.of(0, 255)]);
    });
  });

  it('answers only when the records are durable', async () => {
    const disk = new Subject<void>();
    const log = memoryWriteAheadLog();
    const writeAheadLog = {
      ...slowWriteAheadLog(log, () => ({ before: 50, after: 0, fails: false })),
    };
    await serving({}, { checkpoint: memoryCheckpoint(), writeAheadLog }, async ({ post }) => {
      let answered = false;
      const answer = status(post('1')).then((code) => {
        answered = true;
        return code;
      });
      const durable = firstValueFrom(timer(20));
      await durable;
      expect(answered).toBe(false);
      expect(await answer).toBe(202);
    });
    disk.complete();
  });

  it('refuses what is not for it, each by its status', async () => {
    await serving({ token: 'secret', path: '/in', maxBodyBytes: 10 }, {}, async ({ url, records }) => {
      const headers = { authorization: 'Bearer secret' };
      const send = (path: string, init: RequestInit) => status(fetch(`${url}${path}`, init));
      expect(await send('/', { method: 'POST', headers })).toBe(404);
      expect(await send('/in', { headers })).toBe(405);
      expect(await send('/in', { method: 'POST', body: '1' })).toBe(401);
      expect(await send('/in', { method: 'POST', body: '1', headers: { authorization: 'Bearer wrong!' } })).toBe(401);
      expect(await send('/in', { method: 'POST', body: '[1,2,3,4,5]', headers })).toBe(413);
      const streamed = new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('[1,2,3,4,5]'));
          controller.close();
        },
      });
      const chunked = { method: 'POST', body: streamed, duplex: 'half', headers } as RequestInit;
      expect(await send('/in', chunked)).toBe(413);
      expect(await send('/in', { method: 'POST', body: '{', headers })).toBe(400);
      expect(await send('/in?x=1', { method: 'POST', body: '1', headers })).toBe(202);
      expect(records.filter((record) => record instanceof Error)).toEqual([]);
    });
  });

  it('answers 429 with Retry-After while the queue is full, and takes nothing of it', async () => {
    await serving({ retryAfter: 1_500 }, { interval: 60_000, maxQueue: 2 }, async ({ post }) => {
      expect([await status(post('1')), await status(post('2'))]).toEqual([202, 202]);
      const refused = await post('3');
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    });
  });

  it('answers 422 to what the log could not read back', async () => {
    const options = { checkpoint: memoryCheckpoint(), writeAheadLog: memoryWriteAheadLog() };
    await serving({}, options, async ({ post }) => {
      expect(await status(post('['.repeat(1_200) + ']'.repeat(1_200)))).toBe(422);
      expect(await status(post('1'))).toBe(202);
    });
  });

  it('survives senders that leave in the middle, and clears what they sent', async () => {
    await serving({ maxRequests: 2 }, {}, async ({ port, post, records, stream }) => {
      for (let i = 0; i < 5; i++) {
        const socket = connect(port, '127.0.0.1');
        socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[1,');
        await new Promise((resolve) => setTimeout(resolve, 5));
        socket.resetAndDestroy();
      }
      const deadline = Date.now() + 300_000;
      let answer = 0;
      while (answer !== 202 && Date.now() < deadline) answer = await status(post('7'));
      await stream.stop();
      expect(records).toEqual([7]);
    });
  });

  it('answers what is stored while it stops, and 503 afterwards', async () => {
    await serving({}, {}, async ({ post, stream, records }) => {
      const answers = [post('1'), post('2')].map(status);
      await Promise.all(answers);
      await stream.stop();
      await expect(post('3')).rejects.toThrow();
      expect(records).toEqual([1, 2]);
    });
  });

  it('fails with a typed error when the port is in use', async () => {
    await serving({}, {}, async ({ port }) => {
      const failed = new Promise((_, reject) => {
        receiverBatches(httpReceiver({ port }), { interval: 10 }).subscribe({ error: reject });
      });
      await expect(failed).rejects.toThrow(ReceiverError);
      await expect(failed).rejects.toThrow(`httpReceiver 127.0.0.1:${port}: listen EADDRINUSE`);
    });
  });

  it('refuses options out of range', () => {
    expect(() => httpReceiver({ port: -1 })).toThrow(InvalidOptionError);
    expect(() => httpReceiver({ port: 0, path: 'in' })).toThrow('httpReceiver: path ("in")');
    expect(() => httpReceiver({ port: 0, format: 'xml' as 'json' })).toThrow('format ("xml")');
    expect(() => httpReceiver({ port: 0, maxBodyBytes: 0 })).toThrow('maxBodyBytes (0)');
    expect(() => httpReceiver({ port: 0, maxRequests: 0 })).toThrow('maxRequests (0)');
    expect(() => httpReceiver({ port: 0, retryAfter: 0 })).toThrow('retryAfter (0)');
    expect(() => httpReceiver({ port: 0, requestTimeout: 0 })).toThrow('requestTimeout (0)');
    expect(() => httpReceiver({ port: 0, requestTimeout: Infinity })).toThrow('requestTimeout (Infinity)');
    expect(() => httpReceiver({ port: 0, token: '' })).toThrow('token ("")');
  });

  it('takes every good request beside senders that hang, send garbage, break off and reset', async () => {
    const random = randomOf(7);
    await serving({ requestTimeout: 300 }, {}, async ({ port, post, records }) => {
      const bad = [
        'GARBAGE\r\n\r\n',
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12',
        'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n{"a',
        'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        'POST / HT',
      ];
      const closed: Promise<unknown>[] = [];
      for (let n = 0; n < 100; n++) {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        closed.push(new Promise((resolve) => socket.on('close', resolve)));
        socket.on('data', () => {});
        socket.write(bad[n % bad.length] as string);
        const fate = random();
        if (fate < 0.3) socket.on('connect', () => setTimeout(() => socket.resetAndDestroy(), 20 * random()));
        else if (fate < 0.6) socket.end();
        // The others hang until the server has had enough of them.
        expect(await status(post(String(n)))).toBe(202);
      }
      await Promise.all(closed);
      expect(await status(post('100'))).toBe(202);
      while (records.length < 101) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(records).toEqual(Array.from({ length: 101 }, (_, n) => n));
    });
  });

  it('misses nothing that it answered with 202, though the stream fails again and again', async () => {
    const seed = Number(process.env.HTTP_SEED ?? Date.now() % 1_000_000);
    console.log(`HTTP_SEED=${seed}`);
    const random = randomOf(seed);
    const directory = mkdtempSync(join(tmpdir(), 'dstream-http-'));
    let port = 0;
    const seen = new Set<unknown>();
    let failures = 0;
    const stream = receiverBatches((sink) => httpReceiver({ port, listeningObserver: observer })(sink), {
      interval: 10,
      checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
      writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
      restart: 5,
    });
    const listening = new ReplaySubject<void>(1);
    const allSeen = new ReplaySubject<void>(1);
    const observer = {
      next: (address: AddressInfo) => {
        port = address.port;
        listening.next();
      },
    };
    const subscription = stream
      .pipe(
        foreachBatch((records) => {
          if (records.length > 0 && failures < 15 && (failures === 0 || random() < 0.3)) {
            failures++;
            throw new Error('crash');
          }
          for (const record of records) seen.add(record);
          if (seen.size === 300) allSeen.next();
        }),
        retry(),
      )
      .subscribe();
    await firstValueFrom(listening);
    const answered: number[] = [];
    const send = async (n: number): Promise<void> => {
      for (;;) {
        const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: String(n) }).catch(() => {});
        if (response?.status !== 202) continue;
        answered.push(n);
        return;
      }
    };
    for (let n = 0; n < 300; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => send(n + i)));
    // A batch that fails while the stream stops is left to the next life, and there is none here.
    await firstValueFrom(allSeen);
    await stream.stop();
    subscription.unsubscribe();
    expect(failures).toBeGreaterThan(0);
    expect(answered).toHaveLength(300);
    expect(answered.filter((n) => !seen.has(n))).toEqual([]);
  });
});
