import { expect, it } from 'vitest';
import { crashReadyReceiver } from '../crash/readyReceivers.js';

it.each(['tcp', 'http'] as const)(
  'what a %s receiver acknowledged is in the output, whenever it is killed',
  {
    timeout: 600_000,
  },
  async (kind) => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const result = await crashReadyReceiver({ kind, kills: 50, seed });
    console.log(`${kind}: ${result.acknowledged} acknowledged, p99 ${Math.round(result.p99)} ms, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result.lost).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(500);
  },
);
