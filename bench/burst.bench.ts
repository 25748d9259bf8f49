// npm run bench -- burst [--gigabytes 10] [--levels log,disk,memory-and-disk,memory] [--bytes 1000000,1000]: how much memory a burst takes that arrives at once, ten times and more what may be in memory, for
// each storage level, with records of 1 KB and of 1 MB. The heap is limited, and the whole process must stay within 256 MB.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Burst, runBurst } from '../test/support/runBurst.js';
import { type Results, type Row, rowOf, writeResults } from './report.js';

const { values } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '10' },
    levels: { type: 'string', default: 'log,disk,memory-and-disk,memory' },
    bytes: { type: 'string', default: '1000000,1000' },
  },
});
const totalBytes = Number(values.gigabytes) * 1e9;
const limitMb = 256;
/**
 * At the level `memory` a batch takes all that waits, and as much again arrives while it is in work; at the others it takes half.
 */
const maxQueueMiB: Readonly<Record<Burst['level'], number>> = { memory: 24, 'memory-and-disk': 32, disk: 32, log: 32 };
const unit = `of ${totalBytes / 1e9} GB: the peak of the process, the most that waited, and the speed`;

/** Those of an earlier run of the same size stay beside: all of them take half an hour or so. */
const file = new URL('./results/burst.json', import.meta.url);
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
let rows: readonly Row[] = before?.unit === unit ? before.rows : [];
for (const recordBytes of values.bytes.split(',').map(Number)) {
  for (const level of values.levels.split(',') as Burst['level'][]) {
    const begun = performance.now();
    const { count, peakMb, waitingMb } = await runBurst({
      level,
      totalBytes,
      recordBytes,
      maxQueueBytes: maxQueueMiB[level] << 20,
      heapMb: 96,
    });
    const seconds = (performance.now() - begun) / 1_000;
    const name = `${level}, records of ${recordBytes} B`;
    console.log(`${name}: ${count} records, ${peakMb} MB at most, ${waitingMb} MB waited, ${Math.round(seconds)} s`);
    if (peakMb > limitMb) process.exitCode = 1;
    if (count !== Math.ceil(totalBytes / recordBytes)) throw new Error(`${count} records came out`);
    rows = [
      ...rows.filter((row) => !row.name.startsWith(`${name}, `)),
      rowOf(`${name}, peak MB`, [peakMb]),
      rowOf(`${name}, waited MB`, [waitingMb]),
      rowOf(`${name}, MB a second`, [totalBytes / 1e6 / seconds]),
    ];
    writeResults('burst', { unit, rows, ratios: {} });
  }
}
