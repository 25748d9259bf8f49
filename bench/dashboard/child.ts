// One process with a stream of 1,000 batches a minute over 64 partitions, with or without a board: child.ts board|plain SECONDS.
// Prints the address of the board, waits for a line, and then prints the processor time of these seconds.
import { once } from 'node:events';
import { foreachBatch, json, logBatches, mapRecords, memoryLog, pid, reduceByKey } from 'dstream';
import { dashboard } from 'dstream/node';
import { interval, timer } from 'rxjs';

const [mode, seconds] = process.argv.slice(2);
const partitions = 64;
const recordsPerTick = 640;

const board = mode === 'board' ? await dashboard({ port: 0 }) : undefined;
const log = memoryLog({ topics: { orders: partitions } });
const values = Array.from({ length: recordsPerTick }, (_, i) => ({ partition: i % partitions, value: String(i) }));
interval(60).subscribe(() => log.append('orders', values));
let batches = 0;
logBatches(log, {
  topics: ['orders'],
  interval: 60,
  deserialize: json<number>(),
  backpressure: pid(),
  name: 'orders',
  monitors: board ? [board] : [],
})
  .pipe(
    mapRecords((n) => [n % 100, n]),
    reduceByKey((a, b) => a + b),
    foreachBatch(() => {
      batches++;
    }),
  )
  .subscribe();

console.log(board?.url ?? 'plain');
await once(process.stdin, 'data');
const before = process.cpuUsage();
const first = batches;
const begun = performance.now();
timer(1_000 * Number(seconds)).subscribe(() => {
  const { user, system } = process.cpuUsage(before);
  const elapsed = performance.now() - begun;
  console.log(JSON.stringify({ cpu: (user + system) / 1_000 / elapsed, batches: batches - first, elapsed }));
  process.exit();
});
