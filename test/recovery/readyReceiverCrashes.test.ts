import { expect, it } from 'vitest';
import { crashReadyReceivers, readyKinds } from '../crash/readyReceivers.js';
import { nightly } from '../support/nightly.js';

// Each kill hits six receivers. `npm run crash -- --source ready` makes thousands.
it('what ready receivers acknowledged is in the output, whenever their process is killed', {
  timeout: 600_000,
}, async () => {
  const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
  const { kinds, faults } = await crashReadyReceivers({ kinds: readyKinds, kills: nightly ? 1_000 : 50, seed });
  for (const [kind, { acknowledged, lost, doubled, delays }] of Object.entries(kinds)) {
    const p99 = [...delays].sort((a, b) => a - b)[Math.floor(delays.length * 0.99)];
    console.log(`${kind}: ${acknowledged} acknowledged, p99 ${Math.round(p99 ?? 0)} ms, CRASH_SEED=${seed}`);
    expect({ kind, lost, doubled }).toEqual({ kind, lost: [], doubled: 0 });
  }
  expect(faults).toEqual([]);
  // On a slow machine many lives end before they acknowledge anything.
  for (const kind of ['tcp', 'http', 'sse', 'websocket']) expect(kinds[kind]?.acknowledged).toBeGreaterThan(10);
});
