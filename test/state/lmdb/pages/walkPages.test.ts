import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbCheckpoint } from 'dstream/node';
import { firstValueFrom, from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { checkFiles } from '../../../../src/state/lmdb/checkFiles.js';
import { propertySettings } from '../../../property/settings.js';
import { useAtRandom, walk } from '../../../support/lmdbUse.js';
import { settle } from '../../../support/savedBatches.js';

describe('the walk through the pages of LMDB', () => {
  it('finds nothing wrong after any transaction of a file in use', async () => {
    const settings = propertySettings(6);
    // Of each kind one at least.
    const [seed, numRuns] = [settings.seed, Math.max(settings.numRuns, 2)];
    let walks = 0;
    for (let run = 0; run < numRuns; run++) {
      const directory = mkdtempSync(join(tmpdir(), 'dstream-walk-'));
      // The last one has lists of free pages that are long themselves.
      const extent =
        run + 1 < numRuns ? { batches: 40, keys: 300, changes: 60 } : { batches: 20, keys: 8_000, changes: 2_500 };
      await useAtRandom(directory, seed + run, extent, async () => {
        await walk(directory);
        walks++;
      });
      rmSync(directory, { recursive: true });
    }
    expect(walks).toBeGreaterThan(20 * numRuns);
  });

  it('does not refuse a file to which another writes meanwhile', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dstream-walk-'));
    const session = await firstValueFrom(from(lmdbCheckpoint(directory).open()));
    const save = (time: number) => {
      const set = Array.from(
        { length: 2_000 },
        (_, i) => [(i * 7_919 + time * 31) % 20_000, `${time} `.repeat(20)] as const,
      );
      const change = session.encode({ id: 'a', operator: 'o', signature: '', version: 0, set, deleted: [] });
      return settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes: [change] }));
    };
    let writing = true;
    const written = (async () => {
      for (let time = 10; time <= 300; time += 10) await save(time);
      writing = false;
    })();
    const seen = new Set<bigint>();
    while (writing) seen.add(await checkFiles(directory, { pages: true, values: true }));
    await written;
    expect(seen.size).toBeGreaterThan(1);
    await settle(session.close());
    rmSync(directory, { recursive: true });
  });
});
