// A process to be killed at any moment and started again: a ready receiver with a write-ahead log, and an output that writes every
// batch once. It stops when it is told to by SIGTERM.
//
//     readyChild.mjs DIRECTORY tcp|http|sse|websocket PORT
import { join } from 'node:path';
import { type DStreamError, foreachBatch, type ReceiverSink, receiverBatches } from 'dstream';
import {
  fileCheckpoint,
  fileWriteAheadLog,
  httpReceiver,
  sseReceiver,
  tcpReceiver,
  webSocketReceiver,
} from 'dstream/node';
import { exitCodes } from './exitCodes.js';
import { DifferentOutputError, OutputFiles } from './outputFiles.js';

const [directory = '', kind = '', portText = ''] = process.argv.slice(2);
const port = Number(portText);
const files = new OutputFiles(join(directory, 'output'));

const receivers: Readonly<Record<string, () => (sink: ReceiverSink<unknown>) => () => void>> = {
  tcp: () => tcpReceiver<unknown>({ port, acknowledge: (stored) => `${stored}\n` }),
  http: () => httpReceiver({ port }),
  sse: () => sseReceiver<unknown>({ url: `http://127.0.0.1:${port}/`, parse: ({ data }) => data }),
  websocket: () =>
    webSocketReceiver<unknown>({ url: `ws://127.0.0.1:${port}/`, greet: (last = '-1') => last, position: String }),
};
const receiver = receivers[kind];
if (!receiver) throw new Error(`no receiver is called ${kind}`);

const stream = receiverBatches<unknown>(receiver(), {
  interval: 20,
  blockInterval: 5,
  restart: { delay: 5, maxDelay: 20, onClose: 'restart' },
  checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
  writeAheadLog: fileWriteAheadLog(join(directory, 'wal'), { segmentBytes: 4_096 }),
});
// What was acknowledged and does not come in time stays in the log for a next life, and there is none.
process.on('SIGTERM', () => void stream.stop({ drainTimeout: 300_000 }));
stream
  .pipe(
    foreachBatch((records, { time }) => {
      files.write('raw', time, records.map(String));
    }),
  )
  .subscribe({
    error: (error: unknown) => {
      console.error(error);
      if (error instanceof DifferentOutputError) process.exit(exitCodes.different);
      process.exit((error as DStreamError).code === 'FENCED' ? exitCodes.fenced : exitCodes.failed);
    },
    complete: () => process.exit(exitCodes.done),
  });
