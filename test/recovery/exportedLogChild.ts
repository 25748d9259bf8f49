// A process to be killed: a receiver that numbers its records and stores them in a write-ahead log, and says which are stored.
//
//     exportedLogChild.mjs DIRECTORY
import { foreachBatch, receiverBatches } from 'dstream';
import { fileCheckpoint, fileWriteAheadLog } from 'dstream/node';

const group = 5;
const [directory = ''] = process.argv.slice(2);

receiverBatches<string>(
  async ({ store }) => {
    for (let n = 0; ; n += group) {
      const stored = Array.from({ length: group }, (_, i) => {
        return new Promise<void>((resolve) => store(`record ${n + i}`, resolve));
      });

      await Promise.all(stored);
      process.stdout.write(`${n + group - 1}\n`);
    }
  },
  {
    // No batch is completed: the log keeps everything.
    interval: 3_600_000,
    maxQueue: 1_000_000,
    checkpoint: fileCheckpoint(`${directory}/checkpoint`),
    writeAheadLog: fileWriteAheadLog(`${directory}/wal`, { segmentBytes: 2_000 }),
  },
)
  .pipe(foreachBatch(() => {}))
  .subscribe();
