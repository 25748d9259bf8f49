import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { describe, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { goesOnAfterCrashes } from './throughStore.js';

const stores = { fileCheckpoint, lmdbCheckpoint };

describe.each(Object.entries(stores))('event-time windows and sessions in %s', (_, open) => {
  it('go on after a crash as if there had been none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dstream-event-time-'));
    await goesOnAfterCrashes((number) => open(join(directory, String(number))), propertySettings(30));
    await rm(directory, { recursive: true });
  });
});
