import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, type LogMethod, logMonitor, type StatusChange, type StreamMonitor } from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { lastValueFrom } from 'rxjs';
import { afterAll, expect, it } from 'vitest';
import { newOwner } from '../../src/storage/lockOwner.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-takeover-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A directory whose owner gives no sign of life. */
function ownedDirectory(leaseTime: number): string {
  const directory = mkdtempSync(join(root, 'owned-'));
  const owner = { ...newOwner(leaseTime), token: 'other', host: 'elsewhere', system: 'elsewhere', pid: 7 };
  writeFileSync(join(directory, 'lock'), JSON.stringify(owner));
  return directory;
}

it('a stream is connecting while another has its checkpoint, and says why', async () => {
  const directory = ownedDirectory(100);
  const changes: StatusChange[] = [];
  const logged: unknown[] = [];
  const log: LogMethod = (fields) => logged.push(fields.event);
  const reasonNow: (string | undefined)[] = [];
  const watch: StreamMonitor = {
    run: (stream) => ({
      status: (change) => {
        changes.push(change);
        if (change.reason) reasonNow.push(stream.snapshot().reason);
      },
    }),
  };
  const logger = { debug: () => {}, info: log, warn: log, error: log };
  const batches = fromBatches([['a']], {
    interval: 5,
    checkpoint: fileCheckpoint(directory),
    monitors: [watch, logMonitor(logger)],
  });
  await lastValueFrom(batches.pipe(foreachBatch(() => {})));
  const reason = `waiting for ${directory}, which is in use by process 7 of elsewhere`;
  expect(changes.map(({ status, reason }) => [status, reason])).toEqual([
    ['connecting', undefined],
    ['connecting', reason],
    ['running', undefined],
    ['stopped', undefined],
  ]);
  expect(reasonNow).toEqual([reason]);
  expect(logged.slice(0, 2)).toEqual(['waiting', 'started']);
});

it('a stream that is unsubscribed, or stopped, while it waits takes nothing over', async () => {
  const directory = ownedDirectory(1e9);
  const waiting = () => {
    const options = { interval: 5, checkpoint: fileCheckpoint(directory) };
    return new Promise<() => void>((resolve) => {
      const monitor: StreamMonitor = {
        run: () => ({ status: ({ reason }) => reason && resolve(() => subscription.unsubscribe()) }),
      };
      const subscription = fromBatches([['a']], { ...options, monitors: [monitor] }).subscribe();
    });
  };
  (await waiting())();
  // The next one of this process would be refused if the one before waited still.
  (await waiting())();
});

it('a stream that is unsubscribed while it opens its checkpoint can be subscribed to again at once', async () => {
  const directory = mkdtempSync(join(root, 'again-'));
  const batches = fromBatches([['a']], { interval: 5, checkpoint: fileCheckpoint(directory) }).pipe(
    foreachBatch(() => {}),
  );
  for (let turns = 0; turns < 12; turns++) {
    const subscription = batches.subscribe();
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    subscription.unsubscribe();
    await lastValueFrom(batches, { defaultValue: undefined });
  }
});
