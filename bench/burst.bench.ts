// npm run bench -- burst [--gigabytes 10]: how much memory a burst takes that arrives at once, ten times and more what may be in memory, for
// each storage level, with records of 1 KB and of 1 MB. The heap is limited, and the whole process must stay within 256 MB.
import { parseArgs } from 'node:util';
import { runBurst } from '../test/support/runBurst.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '10' } } });
const totalBytes = Number(values.gigabytes) * 1e9;
const limitMb = 256;

const rows: Row[] = [];
for (const recordBytes of [1_000_000, 1_000]) {
  for (const level of ['log', 'disk', 'memory-and-disk', 'memory'] as const) {
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
    if (count !== Math.ceil(totalBytes / recordBytes)) throw new Error(`${count} records came out`);
    rows.push(
      rowOf(`${name}, peak MB`, [peakMb]),
      rowOf(`${name}, waited MB`, [waitingMb]),
      rowOf(`${name}, MB a second`, [totalBytes / 1e6 / seconds]),
    );
    // After each, as all of them take an hour or so.
    const unit = `of ${totalBytes / 1e9} GB: the peak of the process, the most that waited, and the speed`;
    writeResults('burst', { unit, rows, ratios: {} });
  }
}
