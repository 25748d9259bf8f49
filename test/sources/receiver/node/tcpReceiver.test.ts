import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, InvalidOptionError, ReceiverError, receiverBatches } from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, tcpReceiver } from 'dstream/node';
import { retry, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../../crash/records.js';
import { FlakyTcpServer } from '../../../support/flakyTcpServer.js';

/** Serves each connection by `serve` while `run` lasts. */
async function serving<R>(serve: (socket: Socket) => void, run: (port: number) => Promise<R>): Promise<R> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}

/** All records, once the stream has completed; rejects with what it fails with. */
function all<T>(receiver: Parameters<typeof receiverBatches<T>>[0], options = {}): Promise<readonly T[]> {
  const records: T[] = [];
  return new Promise((resolve, reject) => {
    receiverBatches<T>(receiver, { interval: 10, ...options })
      .pipe(foreachBatch((batch) => void records.push(...batch)))
      .subscribe({ error: reject, complete: () => resolve(records) });
  });
}

describe('tcpReceiver', () => {
  it('makes a record of each line, however the bytes are cut', async () => {
    const sent = Buffer.from('first\r\nzweite Zeile: ü\n\nlast without an end');
    const serve = async (socket: Socket) => {
      for (const byte of sent) {
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      socket.end();
    };
    const records = await serving(serve, (port) => all(tcpReceiver({ port })));
    expect(records).toEqual(['first', 'zweite Zeile: ü', '', 'last without an end']);
  });

  it('makes a record of each length-prefixed frame, by a parser', async () => {
    const frames = ['a', '', 'x'.repeat(100_000)].map((text) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(text.length);
      return Buffer.concat([head, Buffer.from(text)]);
    });
    const records = await serving(
      (socket) => void socket.end(Buffer.concat(frames)),
      (port) => all(tcpReceiver({ port, framing: 'length-prefixed', parse: (frame) => frame.length })),
    );
    expect(records).toEqual([1, 0, 100_000]);
  });

  it('lets the server wait while the queue is full', async () => {
    let written = 0;
    const line = `${'x'.repeat(1_023)}\n`;
    const count = 20_000;
    const serve = (socket: Socket) => {
      const write = () => {
        while (written < count) {
          written++;
          if (!socket.write(line)) return void socket.once('drain', write);
        }
        socket.end();
      };
      write();
    };
    const most: number[] = [];
    await serving(serve, (port) => {
      const stream = receiverBatches(tcpReceiver({ port }), {
        interval: 10,
        maxQueue: 100,
        batchObserver: { next: ({ inputs }) => most.push(inputs.receiver?.receiver?.queuedRecords ?? -1) },
      });
      return new Promise<void>((resolve) => {
        let received = 0;
        const subscription = stream
          .pipe(
            foreachBatch((records) => {
              received += records.length;
              // Empty batches must not keep the others waiting.
              if (received < 1_000) return timer(records.length > 0 ? 10 : 0);
              subscription.unsubscribe();
              resolve();
              return undefined;
            }),
          )
          .subscribe();
      });
    });
    expect(written).toBeLessThan(count);
    expect(Math.max(...most)).toBeLessThanOrEqual(100);
  });

  it.each([
    ['too long a line', (socket: Socket) => void socket.write('x'.repeat(5_000)), 'maxFrameBytes is 1000'],
    ['a reset', (socket: Socket) => void socket.resetAndDestroy(), 'ECONNRESET'],
    ['silence', () => {}, 'nothing came for 50 ms'],
  ])('fails by %s with a typed error that names the server', async (_, serve, reason) => {
    await serving(serve, async (port) => {
      const failed = all(tcpReceiver({ port, maxFrameBytes: 1_000, idleTimeout: 50 }));
      await expect(failed).rejects.toThrow(ReceiverError);
      await expect(failed).rejects.toThrow(`tcpReceiver 127.0.0.1:${port}: `);
      await expect(failed).rejects.toThrow(reason);
    });
  });

  it('fails when nobody listens, and with what parse throws', async () => {
    const port = await serving(
      () => {},
      async (free) => free,
    );
    await expect(all(tcpReceiver({ port }))).rejects.toThrow('ECONNREFUSED');
    const parse = () => {
      throw new Error('not a number');
    };
    await serving(
      (socket) => void socket.write('x\n'),
      async (open) => expect(all(tcpReceiver({ port: open, parse }))).rejects.toThrow('not a number'),
    );
  });

  it('closes its connection when it is left', async () => {
    let closed: (() => void) | undefined;
    const left = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const serve = (socket: Socket) => {
      socket.write('a\n');
      socket.on('close', () => closed?.());
    };
    await serving(serve, async (port) => {
      const subscription = receiverBatches(tcpReceiver({ port }), { interval: 10 }).subscribe(({ records }) => {
        if (records.length > 0) subscription.unsubscribe();
      });
      await left;
    });
  });

  it('refuses options out of range', () => {
    expect(() => tcpReceiver({ port: -1 })).toThrow(InvalidOptionError);
    expect(() => tcpReceiver({ port: 1, maxFrameBytes: 0 })).toThrow('tcpReceiver: maxFrameBytes (0)');
    expect(() => tcpReceiver({ port: 1, framing: 'words' as 'lines' })).toThrow('framing ("words")');
    expect(() => tcpReceiver({ port: 1, connectTimeout: 0 })).toThrow('connectTimeout (0)');
    expect(() => tcpReceiver({ port: 1, idleTimeout: 0 })).toThrow('idleTimeout (0)');
  });

  it('misses nothing that it acknowledged, from a server that resets, hangs, sends garbage and goes away', async () => {
    const seed = Number(process.env.TCP_SEED ?? Date.now() % 1_000_000);
    console.log(`TCP_SEED=${seed}`);
    const random = randomOf(seed);
    const count = 600;
    const server = new FlakyTcpServer(count, random);
    await server.start();
    const directory = mkdtempSync(join(tmpdir(), 'dstream-tcp-'));
    const seen: string[] = [];
    let crashes = 10;
    let allAcknowledged: number | undefined;
    const stream = receiverBatches(
      tcpReceiver({
        port: server.port,
        maxFrameBytes: 1_000,
        // A slow machine needs a while between two records of a server that does not hang.
        idleTimeout: 300,
        acknowledge: (stored) => `${stored}\n`,
      }),
      {
        interval: 10,
        restart: { delay: 5, maxDelay: 20, onClose: 'restart' },
        checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
        writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
      },
    );
    await new Promise<void>((resolve, reject) => {
      const subscription = stream
        .pipe(
          foreachBatch((records, { time }) => {
            // Before anything of the batch is seen: it is replayed.
            if (records.length > 0 && crashes > 0 && random() < 0.2 && crashes-- > 0) throw new Error('crash');
            for (const record of records) seen.push(record);
            if (server.acknowledged >= count) allAcknowledged ??= Date.now();
            // An empty batch that was planned after everything was acknowledged: nothing durable is left.
            if (allAcknowledged === undefined || time <= allAcknowledged || records.length > 0) return;
            subscription.unsubscribe();
            resolve();
          }),
          retry({ count: 10 }),
        )
        .subscribe({ error: reject });
    });
    await server.stop();
    const distinct = [...new Set(seen.map(Number))].sort((a, b) => a - b);
    expect(distinct).toEqual(Array.from({ length: count }, (_, i) => i));
    expect([...server.misbehaved.keys()].sort()).toEqual(['close', 'garbage', 'go away', 'hang', 'reset']);
  });
});
