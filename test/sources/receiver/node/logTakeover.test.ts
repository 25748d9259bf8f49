import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, InvalidOptionError, type Receiver, receiverBatches, type StreamMonitor } from 'dstream';
import { CheckpointError, fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { newOwner } from '../../../../src/storage/lockOwner.js';
import { settle } from '../../../support/savedBatches.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-log-takeover-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A directory whose owner gives no sign of life. */
function ownedDirectory(leaseTime: number): string {
  const directory = mkdtempSync(join(root, 'owned-'));
  const owner = { ...newOwner(leaseTime), token: 'other', host: 'elsewhere', system: 'elsewhere', pid: 7 };
  writeFileSync(join(directory, 'lock'), JSON.stringify(owner));
  return directory;
}

const nothing = { saved: 0, planned: 0 };

describe('a write-ahead log that another stream owns', () => {
  it('is waited for until the lease of its owner is over, and the reason is told', async () => {
    const directory = ownedDirectory(100);
    const reasons: string[] = [];
    const opening = fileWriteAheadLog(directory).open({ ...nothing, waiting: (reason) => reasons.push(reason) });
    await settle((await firstValueFrom(from(opening))).close());
    expect(reasons).toEqual([`waiting for ${directory}, which is in use by process 7 of elsewhere`]);
  });

  it('is refused, or taken over at once, where that is asked for', async () => {
    const directory = ownedDirectory(1e9);
    writeFileSync(
      join(directory, 'lock'),
      JSON.stringify({ ...newOwner(1e9), token: 'other', pid: process.ppid, started: null }),
    );
    const refusing = fileWriteAheadLog(directory, { takeover: 'refuse' }).open(nothing);
    await expect(firstValueFrom(from(refusing))).rejects.toThrow(CheckpointError);
    const forcing = fileWriteAheadLog(directory, { takeover: 'force' }).open(nothing);
    await settle((await firstValueFrom(from(forcing))).close());
    expect(() => fileWriteAheadLog(directory, { leaseTime: 0 })).toThrow(InvalidOptionError);
  });

  it('keeps its stream connecting, which says why', async () => {
    const directory = ownedDirectory(100);
    const reasons: (string | undefined)[] = [];
    const monitor: StreamMonitor = { run: () => ({ status: ({ reason }) => void (reason && reasons.push(reason)) }) };
    const once: Receiver<string> = ({ store, complete }) => {
      store('a');
      complete();
    };
    const records: string[] = [];
    const stream = receiverBatches(once, {
      interval: 5,
      checkpoint: fileCheckpoint(mkdtempSync(join(root, 'checkpoint-'))),
      writeAheadLog: fileWriteAheadLog(directory),
      monitors: [monitor],
    }).pipe(foreachBatch((batch) => void records.push(...batch)));
    await lastValueFrom(stream, { defaultValue: undefined });
    expect(reasons).toEqual([`waiting for ${directory}, which is in use by process 7 of elsewhere`]);
    expect(records).toEqual(['a']);
  });

  it('is not taken over by a stream that is unsubscribed while it waits', async () => {
    const directory = ownedDirectory(1e9);
    const waiting = () =>
      new Promise<() => void>((resolve) => {
        const monitor: StreamMonitor = {
          run: () => ({ status: ({ reason }) => reason && resolve(() => running.unsubscribe()) }),
        };
        const running = receiverBatches<string>(() => {}, {
          interval: 5,
          checkpoint: fileCheckpoint(mkdtempSync(join(root, 'checkpoint-'))),
          writeAheadLog: fileWriteAheadLog(directory),
          monitors: [monitor],
        }).subscribe();
      });
    (await waiting())();
    // The next one of this process would be refused if the one before waited still.
    (await waiting())();
    expect(readdirSync(directory)).toContain('lock');
  });
});
