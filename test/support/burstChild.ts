// Receives a burst that is there at once into a stream whose output is slower, and prints how many records came out and the peak of its
// memory in MB.
//
//     burstChild.mjs DIRECTORY SOURCE PLACE LEVEL TOTAL_BYTES RECORD_BYTES MAX_QUEUE_BYTES OUTPUT_BYTES_PER_SECOND
import { join } from 'node:path';
import { type BatchStream, batchesFrom, foreachBatch, memoryCheckpoint, type Receiver, receiverBatches } from 'dstream';
import {
  fileBlockStore,
  fileReceiver,
  fileWriteAheadLog,
  httpReceiver,
  processReceiver,
  sseReceiver,
  tcpReceiver,
  webSocketReceiver,
} from 'dstream/node';
import { timer } from 'rxjs';

const [directory = '', source = '', place = '', level = '', ...numbers] = process.argv.slice(2);
const [totalBytes = 0, recordBytes = 0, maxQueueBytes = 0, outputBytesPerSecond = 0] = numbers.map(Number);
const count = Math.ceil(totalBytes / recordBytes);

function* burst(): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    const record = Buffer.alloc(recordBytes, i % 251);
    record.writeUInt32BE(i);
    yield record;
  }
}

/** Text records are numbers with leading zeros. */
function numberOf(record: unknown): number {
  if (typeof record === 'string') return Number(record.slice(-10));
  const { buffer, byteOffset } = record as Uint8Array;
  return new DataView(buffer, byteOffset).getUint32(0);
}

const receivers: Readonly<Record<string, () => Receiver<unknown>>> = {
  pulled: burst,
  tcp: () => tcpReceiver<unknown>({ port: Number(place) }),
  http: () => httpReceiver({ port: Number(place), format: 'json-lines' }),
  sse: () => sseReceiver<unknown>({ url: `http://127.0.0.1:${place}/`, parse: ({ data }) => data }),
  websocket: () => webSocketReceiver<unknown>({ url: `ws://127.0.0.1:${place}/` }),
  process: () =>
    processReceiver<unknown>({ command: 'seq', args: ['-f', `%0${recordBytes}.0f`, '0', String(count - 1)] }),
};

const blockStore = () => fileBlockStore(join(directory, 'blocks'));
const levels = {
  memory: () => ({}),
  'memory-and-disk': () => ({ storageLevel: 'memory-and-disk' as const, blockStore: blockStore() }),
  disk: () => ({ storageLevel: 'disk' as const, blockStore: blockStore() }),
  log: () => ({
    storageLevel: 'memory-and-disk' as const,
    checkpoint: memoryCheckpoint(),
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
  }),
};

function stream(): BatchStream<unknown> {
  if (source === 'file') {
    const files = fileReceiver<unknown>(place, { maxBatchBytes: maxQueueBytes / 2 });
    return batchesFrom({ receiver: files }, { interval: 20 }).receiver;
  }
  const receiver = receivers[source];
  const options = levels[level as keyof typeof levels];
  if (!receiver || !options) throw new Error(`no source is called ${source}, or no level ${level}`);
  return receiverBatches(receiver(), { interval: 20, maxQueueBytes, maxQueue: 1e9, ...options() });
}

let next = 0;
let waiting = 0;
stream()
  .pipe(
    foreachBatch((records, { inputs }) => {
      const { queuedBytes = 0, diskBytes = 0 } = inputs.receiver?.receiver ?? {};
      waiting = Math.max(waiting, queuedBytes + diskBytes);
      for (const record of records) {
        if (numberOf(record) !== next++) throw new Error(`record ${next - 1} is missing`);
      }
      if (next < count || records.length === 0) {
        return timer(Math.max(10, (1_000 * records.length * recordBytes) / outputBytesPerSecond));
      }
      const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);
      const result = { count: next, peakMb, waitingMb: Math.round(waiting / 1e6) };
      process.stdout.write(JSON.stringify(result), () => process.exit(0));
      return undefined;
    }),
  )
  .subscribe({
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  });
