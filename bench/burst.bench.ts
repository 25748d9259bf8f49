// npm run bench -- burst [--gigabytes 10]: how much memory a burst takes that arrives at once, ten times and more what may be in memory, for
// each storage level that uses the disk, with records of 1 KB and of 1 MB. The heap is limited, and the whole process must stay within 256 MB.
import { parseArgs } from 'node:util';
import { runBurst } from '../test/support/runBurst.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '10' } } });
const totalBytes = Number(values.gigabytes) * 1e9;
const limitMb = 256;

const rows: Row[] = [];
for (const level of ['memory-and-disk', 'disk', 'log'] as const) {
  for (const recordBytes of [1_000, 1_000_000]) {
    const begun = performance.now();
    const { count, peakMb, waitingMb } = await runBurst({
      level,
      totalBytes,
      recordBytes,
      maxQueueBytes: 48 << 20,
      heapMb: 96,
    });
    const seconds = (performance.now() - begun) / 1_000;
    const name = `${level}, records of ${recordBytes} B`;
    console.log(`${name}: ${count} records, ${peakMb} MB at most, ${waitingMb} MB waited, ${Math.round(seconds)} s`);
    if (peakMb > limitMb) process.exitCode = 1;
    rows.push(rowOf(`${name}, peak MB`, [peakMb]), rowOf(`${name}, MB a second`, [totalBytes / 1e6 / seconds]));
  }
}
writeResults('burst', { unit: 'peak of the process in MB, and MB a second', rows, ratios: {} });
