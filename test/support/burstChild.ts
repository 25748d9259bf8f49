// Pulls a burst that is there at once into a stream whose output is slower, and prints how many records came out and the peak of its
// memory in MB.
//
//     burstChild.mjs DIRECTORY LEVEL TOTAL_BYTES RECORD_BYTES MAX_QUEUE_BYTES
import { join } from 'node:path';
import { foreachBatch, memoryCheckpoint, receiverBatches } from 'dstream';
import { fileBlockStore, fileWriteAheadLog } from 'dstream/node';
import { timer } from 'rxjs';

const [directory = '', level = '', ...numbers] = process.argv.slice(2);
const [totalBytes = 0, recordBytes = 0, maxQueueBytes = 0] = numbers.map(Number);
const count = Math.ceil(totalBytes / recordBytes);

function* burst(): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    const record = Buffer.alloc(recordBytes, i % 251);
    record.writeUInt32BE(i);
    yield record;
  }
}

const common = { interval: 20, maxQueueBytes };
const options = {
  memory: { ...common, maxQueue: 1e9 },
  'memory-and-disk': {
    ...common,
    storageLevel: 'memory-and-disk' as const,
    blockStore: fileBlockStore(join(directory, 'blocks')),
  },
  disk: { ...common, storageLevel: 'disk' as const, blockStore: fileBlockStore(join(directory, 'blocks')) },
  log: {
    ...common,
    storageLevel: 'memory-and-disk' as const,
    checkpoint: memoryCheckpoint(),
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
  },
}[level];
if (!options) throw new Error(`no level is called ${level}`);

let next = 0;
let waiting = 0;
receiverBatches(burst(), options)
  .pipe(
    foreachBatch((records, { inputs }) => {
      const { queuedBytes = 0, diskBytes = 0 } = inputs.receiver?.receiver ?? {};
      waiting = Math.max(waiting, queuedBytes + diskBytes);
      for (const record of records) {
        if (Buffer.from(record).readUInt32BE() !== next++) throw new Error(`record ${next - 1} is missing`);
      }
      return timer(10);
    }),
  )
  .subscribe({
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
    complete: () => {
      const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);
      process.stdout.write(JSON.stringify({ count: next, peakMb, waitingMb: Math.round(waiting / 1e6) }));
    },
  });
