import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Batch, foreachBatch, fromBatches, runningReduce } from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom, type Observable } from 'rxjs';
import { afterAll, expect, it } from 'vitest';
import { settle } from '../../support/savedBatches.js';

const directory = mkdtempSync(join(tmpdir(), 'dstream-orphans-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// As small as this a snapshot is due with every batch.
const checkpoint = () => fileCheckpoint(directory, { snapshotBytes: 1 });
const total = (id: string) => runningReduce<number, number>((sum, n) => sum + n, { id, initial: 0 });

/** One life of a job with 60 batches of a 1; returns what came last. */
function life(ids: readonly string[], orphans: 'keep' | 'drop'): Promise<unknown> {
  const ones = Array.from({ length: 60 * ++lives }, () => [1]);
  let stream: Observable<Batch<number>> = fromBatches(ones, { interval: 1, checkpoint: checkpoint(), orphans });
  for (const id of ids) stream = stream.pipe(total(id));
  const last: unknown[] = [];
  return lastValueFrom(stream.pipe(foreachBatch((records) => void last.splice(0, 1, ...records)))).then(() => last);
}
let lives = 0;

const snapshots = () => readdirSync(directory).filter((name) => /^snapshot-\d+$/.test(name));

async function states(): Promise<Record<string, unknown>> {
  const session = await firstValueFrom(from(checkpoint().open()));
  const ids = session.restored?.stateIds ?? [];
  const found = ids.map((id) => [id, [...(session.restored?.state(id)?.entries() ?? [])]]);
  await settle(session.close());
  return Object.fromEntries(found);
}

it('keeps states that no operator asks for through snapshots, and drops them for good', async () => {
  await life(['kept', 'used'], 'keep');
  const before = await states();
  const [first] = snapshots();
  expect(first).toBeDefined();

  await life(['used'], 'keep');
  // The snapshot of the first life is gone: a later one holds the state.
  expect(snapshots()).not.toContain(first);
  expect((await states()).kept).toEqual(before.kept);

  await life(['used'], 'drop');
  expect(Object.keys(await states())).toEqual(['used']);
});
