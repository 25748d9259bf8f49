import { expect, it } from 'vitest';
import { burstSenders } from '../support/burstSenders.js';
import { nightly } from '../support/nightly.js';
import { runBurst } from '../support/runBurst.js';

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

// By night all of them: each takes some seconds of processor time.
it.concurrent.each(nightly ? Object.keys(burstSenders) : ['tcp', 'process'])(
  'a receiver by %s takes twenty times what may be in memory from a sender that does not wait, and its memory is bounded',
  async (source) => {
    const burst = { source, level: 'memory', totalBytes, recordBytes: 1_000, maxQueueBytes, heapMb: 64 } as const;
    const { count, peakMb, waitingMb } = await runBurst(burst);
    console.log(`${source}: ${peakMb} MB, ${waitingMb} MB waited`);
    expect(count).toBe(Math.ceil(totalBytes / 1_000));
    expect(waitingMb).toBeLessThan(1.5 * (maxQueueBytes / 1e6));
    expect(peakMb).toBeLessThan(220);
  },
);
