import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, foreachBatch, fromBatches, mapRecords, memoryCheckpoint, updateStateByKey } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { filter, lastValueFrom, merge, retry, share, tap } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'dstream-second-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let directories = 0;
const directory = () => join(folder, String(directories++));

const stores: Readonly<Record<string, () => Checkpoint>> = {
  memory: memoryCheckpoint,
  files: () => fileCheckpoint(directory()),
  LMDB: () => lmdbCheckpoint(directory()),
};

describe.each(Object.entries(stores))('a stream with a checkpoint in %s', (_, store) => {
  const stream = () => fromBatches([['a'], ['b'], ['c']], { interval: 5, emptyAfter: 20, checkpoint: store() });
  const seen = () => foreachBatch<string>(() => {});

  it('that is subscribed to a second time fails, and says what helps', async () => {
    const once = stream();
    const both = merge(once.pipe(seen()), once.pipe(seen()));
    await expect(lastValueFrom(both)).rejects.toThrow('share()');
  });

  it('is subscribed to more than once when it is shared', async () => {
    const shared = stream().pipe(share());
    await lastValueFrom(merge(shared.pipe(seen()), shared.pipe(seen())));
  });
});

it('an operator that comes back while its stream goes on gets no empty state: what was saved would be lost', async () => {
  const checkpoint = memoryCheckpoint();
  const stream = fromBatches([['a'], ['b'], ['c']], { interval: 5, emptyAfter: 20, checkpoint }).pipe(share());
  const sums: number[] = [];
  let crashes = 1;
  const counted = stream.pipe(
    mapRecords((value) => ['all', value] as const),
    updateStateByKey((values, n: number = 0) => n + values.length, { id: 'count' }),
    tap(({ context }) => {
      if (context.time > 5 && crashes-- > 0) throw new Error('once');
    }),
    foreachBatch((pairs) => void sums.push(...pairs.map(([, n]) => n))),
    retry(1),
  );
  // The other branch keeps the stream alive.
  await expect(lastValueFrom(merge(stream.pipe(foreachBatch(() => {})), counted))).rejects.toMatchObject({
    code: 'STATE_CLOSED',
    retriable: true,
  });
  expect(sums.filter((n) => n === 1).length).toBeLessThanOrEqual(1);
});

it('a batch that an operator of RxJS left out is an error that names filterBatches', async () => {
  const stream = fromBatches([['a'], []], { interval: 5, checkpoint: memoryCheckpoint() });
  const output = stream.pipe(
    filter(({ size }) => size > 0),
    foreachBatch(() => {}),
  );
  await expect(lastValueFrom(output)).rejects.toThrow('filterBatches to leave out batches');
});
