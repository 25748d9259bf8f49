// A process to be killed at any moment and started again: ready receivers beside each other, each with a write-ahead log where it needs
// one, and an output that writes every batch once. It has loaded everything before it is needed: it begins with the first byte on stdin,
// and writes the name of a receiver to stdout when its first records are in the output. It stops when it is told to by SIGTERM.
//
//     readyChild.mjs DIRECTORY tcp=PORT http=PORT sse=PORT websocket=PORT file=DIRECTORY process=
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchStream,
  batchesFrom,
  type DStreamError,
  foreachBatch,
  type Receiver,
  receiverBatches,
} from 'dstream';
import {
  fileCheckpoint,
  fileReceiver,
  fileWriteAheadLog,
  httpReceiver,
  processReceiver,
  sseReceiver,
  tcpReceiver,
  webSocketReceiver,
} from 'dstream/node';
import { exitCodes } from './exitCodes.js';
import { DifferentOutputError, OutputFiles } from './outputFiles.js';

const [base = '', ...places] = process.argv.slice(2);
const interval = 20;
const stdout = 1;

/** Lines that the child of a `processReceiver` writes; then it ends, and is started again. */
const linesOfChild = 20_000;
let children = 0;

const receivers: Readonly<Record<string, (place: string) => Receiver<unknown>>> = {
  tcp: (port) => tcpReceiver<unknown>({ port: Number(port), acknowledge: (stored) => `${stored}\n` }),
  http: (port) => httpReceiver({ port: Number(port) }),
  sse: (port) => sseReceiver<unknown>({ url: `http://127.0.0.1:${port}/`, parse: ({ data }) => data }),
  websocket: (port) =>
    webSocketReceiver<unknown>({ url: `ws://127.0.0.1:${port}/`, greet: (last = '-1') => last, position: String }),
  process: () => (sink) => {
    const args = ['-f', `${process.pid}/${children++} %.0f`, '0', String(linesOfChild - 1)];
    return processReceiver<unknown>({ command: 'seq', args })(sink);
  },
};

function streamOf(kind: string, place: string): BatchStream<unknown> {
  const directory = join(base, kind);
  const checkpoint = fileCheckpoint(join(directory, 'checkpoint'));
  if (kind === 'file') return batchesFrom({ file: fileReceiver<unknown>(place) }, { interval, checkpoint }).file;
  const receiver = receivers[kind];
  if (!receiver) throw new Error(`no receiver is called ${kind}`);
  return receiverBatches<unknown>(receiver(place), {
    interval,
    blockInterval: 5,
    maxQueue: 200,
    restart: { delay: 5, maxDelay: 20, onClose: 'restart' },
    checkpoint,
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal'), { segmentBytes: 4_096 }),
  });
}

function begin(): void {
  const streams = places.map((entry) => {
    const [kind = '', place = ''] = entry.split('=');
    const stream = streamOf(kind, place);
    const files = new OutputFiles(join(base, kind, 'output'));
    let written = 0;
    const done = new Promise<void>((resolve) => {
      stream
        .pipe(
          foreachBatch((records, { time }) => {
            files.write('raw', time, records.map(String));
            if (written === 0 && records.length > 0) writeSync(stdout, `${kind}\n`);
            written += records.length;
          }),
        )
        .subscribe({ error: (error: unknown) => fail(kind, error), complete: resolve });
    });
    return { stream, done };
  });
  // What was acknowledged and does not come in time stays in the log for a next life, and there is none.
  process.on('SIGTERM', () => {
    for (const { stream } of streams) void stream.stop({ drainTimeout: 300_000 });
  });
  void Promise.all(streams.map(({ done }) => done)).then(() => process.exit(exitCodes.done));
}

function fail(kind: string, error: unknown): void {
  console.error(kind, error);
  if (error instanceof DifferentOutputError) process.exit(exitCodes.different);
  process.exit((error as DStreamError).code === 'FENCED' ? exitCodes.fenced : exitCodes.failed);
}

// Its parent has gone.
process.stdin.on('end', () => process.exit(exitCodes.failed));
process.stdin.once('data', begin);
