// A process to be killed at any moment and started again: ready receivers beside each other, each with a write-ahead log where it needs
// one, and an output that writes every batch once. It has loaded everything before it is needed: it begins with the first byte on stdin,
// and writes the name of a receiver to stdout when its first records are in the output. It stops when it is told to by SIGTERM.
//
//     readyChild DIRECTORY tcp-0=PORT http-0=PORT sse-0=PORT websocket-0=PORT file-0=DIRECTORY process-0= kafkaReceiver-0=BROKERS/TOPIC
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchStream,
  batchesFrom,
  type DStreamError,
  foreachBatch,
  type ReceiverSink,
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

type SinkReceiver = (sink: ReceiverSink<unknown>) => () => void;

const receivers: Readonly<Record<string, (place: string) => SinkReceiver | Promise<SinkReceiver>>> = {
  tcp: (port) => tcpReceiver<unknown>({ port: Number(port), acknowledge: (stored) => `${stored}\n` }),
  http: (port) => httpReceiver({ port: Number(port) }),
  sse: (port) => sseReceiver<unknown>({ url: `http://127.0.0.1:${port}/`, parse: ({ data }) => data }),
  websocket: (port) =>
    webSocketReceiver<unknown>({ url: `ws://127.0.0.1:${port}/`, greet: (last = '-1') => last, position: String }),
  process: () => (sink) => {
    const args = ['-f', `${process.pid}/${children++} %.0f`, '0', String(linesOfChild - 1)];
    return processReceiver<unknown>({ command: 'seq', args })(sink);
  },
  // Only a life that needs kafkajs loads it.
  kafkaReceiver: async (place) => (await import('./readyKafka.js')).receiverFromKafka(place),
};

async function streamOf(name: string, place: string): Promise<BatchStream<unknown>> {
  const kind = name.slice(0, name.lastIndexOf('-'));
  const directory = join(base, name);
  const checkpoint = fileCheckpoint(join(directory, 'checkpoint'));
  if (kind === 'file') return batchesFrom({ file: fileReceiver<unknown>(place) }, { interval, checkpoint }).file;
  const receiver = receivers[kind];
  if (!receiver) throw new Error(`no receiver is called ${kind}`);
  return receiverBatches<unknown>(await receiver(place), {
    interval,
    blockInterval: 5,
    maxQueue: 200,
    restart: { delay: 5, maxDelay: 20, onClose: 'restart' },
    checkpoint,
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal'), { segmentBytes: 4_096 }),
  });
}

async function begin(): Promise<void> {
  // SIGTERM may come before there is anything to be stopped.
  const stopping = new Promise<void>((resolve) => process.on('SIGTERM', resolve));
  const named = places.map((entry) => entry.split('=') as [name: string, place: string]);
  const opened = await Promise.all(named.map(([name, place]) => streamOf(name, place)));
  const streams = opened.map((stream, i) => {
    const [name] = named[i] as [string, string];
    const files = new OutputFiles(join(base, name, 'output'));
    let written = 0;
    const done = new Promise<void>((resolve) => {
      stream
        .pipe(
          foreachBatch((records, { time }) => {
            files.write('raw', time, records.map(String));
            if (written === 0 && records.length > 0) writeSync(stdout, `${name}\n`);
            written += records.length;
          }),
        )
        .subscribe({ error: (error: unknown) => fail(name, error), complete: resolve });
    });
    return { stream, done };
  });
  // What was acknowledged and does not come in time stays in the log for a next life, and there is none.
  void stopping.then(() => Promise.all(streams.map(({ stream }) => stream.stop({ drainTimeout: 300_000 }))));
  await Promise.all(streams.map(({ done }) => done));
  process.exit(exitCodes.done);
}

function fail(name: string, error: unknown): void {
  console.error(name, error);
  if (error instanceof DifferentOutputError) process.exit(exitCodes.different);
  process.exit((error as DStreamError).code === 'FENCED' ? exitCodes.fenced : exitCodes.failed);
}

// Its parent has gone.
process.stdin.on('end', () => process.exit(exitCodes.failed));
process.stdin.once('data', () => begin().catch((error: unknown) => fail('begin', error)));
