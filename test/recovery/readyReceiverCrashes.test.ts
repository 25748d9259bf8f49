import { expect, it } from 'vitest';
import { crashReadyReceiver, readyKinds } from '../crash/readyReceivers.js';

// Beside each other: a life mostly waits for the disk and for its end. `npm run crash` makes thousands.
it.concurrent.each(readyKinds)(
  'what a receiver by %s acknowledged is in the output, whenever it is killed',
  { timeout: 600_000 },
  async (kind) => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const result = await crashReadyReceiver({ kind, kills: 50, seed });
    console.log(`${kind}: ${result.acknowledged} acknowledged, p99 ${Math.round(result.p99)} ms, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result.lost).toEqual([]);
    expect(result.doubled).toBe(0);
    // Events are acknowledged by the next connection: on a slow machine a life may have a few.
    expect(result.acknowledged).toBeGreaterThan(100);
  },
);
