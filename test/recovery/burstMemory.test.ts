import { expect, it } from 'vitest';
import { burstSenders } from '../support/burstSenders.js';
import { nightly } from '../support/nightly.js';
import { type Burst, runBurst } from '../support/runBurst.js';

// `npm run bench -- burst` does the same with 10 GB in 256 MB. What waited in memory would be more than the limit by itself.

const maxQueueBytes = 8 << 20;
const totalBytes = 20 * maxQueueBytes;

it.concurrent.each([
  ['memory', 1_000],
  ['memory-and-disk', 1_000],
  ['memory-and-disk', 1_000_000],
  ['disk', 1_000],
  ['log', 1_000],
] as const)(
  '%s: a burst of twenty times what may be in memory comes out whole, records of %d bytes',
  async (level, recordBytes) => {
    const { count, peakMb, waitingMb } = await runBurst({ level, totalBytes, recordBytes, maxQueueBytes, heapMb: 64 });
    console.log(`${level}, ${recordBytes} bytes: ${peakMb} MB, ${waitingMb} MB waited`);
    expect(count).toBe(Math.ceil(totalBytes / recordBytes));
    // Node itself takes about 60 MB.
    expect(peakMb).toBeLessThan(220);
  },
);

/** Those of a sender that does not wait, on a machine at rest: ten times what the output takes, or more. */
const slowOutput = { outputBytesPerSecond: 8e6 };
const levels = ['memory', 'memory-and-disk', 'disk', 'log'] as const;
/** By night all of them, each with every storage level, over an output that takes a tenth of what is sent: each takes twenty seconds. */
const cells: readonly Pick<Burst, 'source' | 'level' | 'outputBytesPerSecond'>[] = nightly
  ? // Files wait where they are.
    Object.keys(burstSenders).flatMap((source) =>
      (source === 'file' ? (['memory'] as const) : levels).map((level) => ({ source, level, ...slowOutput })),
    )
  : ['tcp', 'process'].map((source) => ({ source, level: 'memory' as const }));

it.concurrent.each(cells)(
  '$source, $level: takes ten times and more what may be in memory from a sender that does not wait, in a bounded memory',
  async (cell) => {
    const recordBytes = 1_000;
    const { count, peakMb, waitingMb } = await runBurst({
      ...cell,
      totalBytes,
      recordBytes,
      maxQueueBytes,
      heapMb: 64,
    });
    console.log(`${cell.source}, ${cell.level}: ${peakMb} MB, ${waitingMb} MB waited`);
    expect(count).toBe(Math.ceil(totalBytes / recordBytes));
    if (cell.level === 'memory') expect(waitingMb).toBeLessThan(1.5 * (maxQueueBytes / 1e6));
    expect(peakMb).toBeLessThan(220);
  },
);
