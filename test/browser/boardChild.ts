// A process with a checkpoint and a dashboard, to be killed: boardChild.ts PORT CHECKPOINT PAGE
import { foreachBatch, json, logBatches, mapRecords, memoryLog, updateStateByKey } from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { testBoard } from '../support/testBoard.js';

const [port, checkpoint = '', page = ''] = process.argv.slice(2);
const board = await testBoard({ port: Number(port) }, page);
// The same log in every life of the process.
const log = memoryLog({ topics: { t: 2 } });
log.append(
  't',
  Array.from({ length: 100_000 }, (_, i) => ({ partition: i % 2, value: String(i) })),
);
logBatches(log, {
  topics: ['t'],
  start: 'earliest',
  interval: 250,
  deserialize: json<number>(),
  maxRatePerPartition: 20,
  checkpoint: fileCheckpoint(checkpoint),
  afterDowntime: 'each',
  name: 'killed',
  monitors: [board],
})
  .pipe(
    mapRecords((n) => [n % 10, n]),
    updateStateByKey((values: readonly number[], sum: number | undefined) => values.reduce((a, b) => a + b, sum ?? 0), {
      id: 'sums',
    }),
    foreachBatch(() => {}),
  )
  .subscribe();
console.log('open');
