import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, memoryCheckpoint, receiverBatches } from 'dstream';
import { fileWriteAheadLog } from 'dstream/node';
import { EMPTY, from, lastValueFrom } from 'rxjs';
import { afterEach, expect, it } from 'vitest';
import { nightly } from '../../../support/nightly.js';
import { settle } from '../../../support/savedBatches.js';

let directory: string | undefined;
afterEach(() => {
  if (directory) rmSync(directory, { recursive: true });
});

// More than a call may have arguments, of which each block is one by day too: logDamage.test.ts reads 200,000 from memory.
const count = nightly ? 150_000 : 10_000;

it(`a stream goes on with ${count} blocks that no batch has saved, on a real disk`, async () => {
  directory = mkdtempSync(join(tmpdir(), 'dstream-wal-'));
  const log = () => fileWriteAheadLog(directory as string);
  const session = await lastValueFrom(from(log().open({ saved: 0, planned: 0 })));
  const appended = Array.from({ length: count }, (_, i) => settle(session.append({ from: i, records: [i] })));
  await Promise.all(appended);
  await settle(session.close());
  const checkpoint = memoryCheckpoint();
  const life = async () => {
    const seen: number[] = [];
    const stream = receiverBatches<number>(EMPTY, { interval: 20, checkpoint, writeAheadLog: log() });
    await lastValueFrom(stream.pipe(foreachBatch((records) => {
          for (const value of records) seen.push(value);
        })));
    return seen;
  };
  const first = await life();
  expect(first).toHaveLength(count);
  expect(first.every((value, i) => value === i)).toBe(true);
  expect(await life()).toEqual([]);
});
