import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, foreachBatch, memoryCheckpoint, receiverBatches } from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, lmdbCheckpoint } from 'dstream/node';
import { NEVER, Subject } from 'rxjs';
import { expect, it } from 'vitest';

it.each<[name: string, make: (directory: string) => Checkpoint]>([
  ['memoryCheckpoint', () => memoryCheckpoint()],
  ['fileCheckpoint', (directory) => fileCheckpoint(join(directory, 'checkpoint'))],
  ['lmdbCheckpoint', (directory) => lmdbCheckpoint(join(directory, 'checkpoint'))],
])('a stream that is left may be subscribed to again at once, with %s', async (_, make) => {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-again-'));
  const clicks = new Subject<string>();
  const stream = receiverBatches<string>(({ store }) => clicks.subscribe((click) => store(click)), {
    interval: 5,
    checkpoint: make(directory),
    writeAheadLog: fileWriteAheadLog(join(directory, 'wal')),
  });
  const seen: (readonly string[])[] = [];
  await new Promise<void>((resolve, reject) => {
    let sent = false;
    const first = stream
      .pipe(
        foreachBatch((records) => {
          if (!sent) clicks.next('a');
          sent = true;
          if (records.length === 0) return;
          // Planned, and not complete when it is left.
          setImmediate(() => {
            first.unsubscribe();
            const second = stream
              .pipe(
                foreachBatch((again) => {
                  seen.push(again);
                  second.unsubscribe();
                }),
              )
              .subscribe({ error: reject });
            second.add(() => resolve());
          });
          return NEVER;
        }),
      )
      .subscribe({ error: reject });
  });
  expect(seen).toEqual([['a']]);
  // The log is closed last.
  await expect.poll(() => existsSync(join(directory, 'wal', 'lock')), { timeout: 300_000 }).toBe(false);
  rmSync(directory, { recursive: true });
});
