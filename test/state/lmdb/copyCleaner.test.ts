import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ifUnused, use } from '../../../src/state/lmdb/copyUse.js';
import { lmdbCopies } from '../../../src/state/lmdb/lmdbCopies.js';
import { buildChild } from '../../crash/buildChild.js';
import { Child } from '../../support/childProcess.js';

const top = mkdtempSync(join(tmpdir(), 'dstream-cleaning-'));
let roots = 0;
const newRoot = () => {
  const root = join(top, String(roots++));
  mkdirSync(root);
  return root;
};
const releases: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0)) await release();
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

const delay = 150;
const records = [{ key: Buffer.from('a'), value: Buffer.from('b') }];

/** Holds the copies of a partition. */
function hold(root: string, name: string, cleanupDelay = delay): () => Promise<void> {
  const release = lmdbCopies(join(root, name), cleanupDelay).hold();
  releases.push(release);
  return release;
}

/** Leaves a copy as of so many ms ago, or one that is only begun. */
async function leave(root: string, name: string, { ago = 0, isBegun = false } = {}): Promise<void> {
  const copies = lmdbCopies(join(root, name));
  const release = copies.hold();
  const copy = await copies.open();
  await copy.own();
  const mark = { log: 'log', offset: 1, at: Date.now() - ago, tombstonesMs: 86_400_000 };
  await copy.write(records, isBegun ? undefined : mark);
  await copy.close();
  await release();
}

/** As if nobody had used it for so long, ms. */
function age(root: string, name: string, ms: number): void {
  const then = new Date(Date.now() - ms);
  for (const one of readdirSync(join(root, name)).filter((found) => found.startsWith('copy-')))
    utimesSync(join(root, name, one, 'data.mdb'), then, then);
  utimesSync(join(root, name), then, then);
}

const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 10_000, interval: 20 });
/** Long enough for what would be deleted. */
const afterCleaning = () => sleep(3 * delay);

describe('copies that nobody wants', () => {
  it('go once they were not used for the delay, and no others of their topic', async () => {
    const root = newRoot();
    for (const name of ['jobs-0', 'jobs-1', 'jobs-7']) await leave(root, name);
    const release = hold(root, 'jobs-0');
    hold(root, 'jobs-1');
    await until(() => !existsSync(join(root, 'jobs-7')));
    await afterCleaning();
    expect(readdirSync(root)).toEqual(['jobs-0', 'jobs-1']);
    expect(await lmdbCopies(join(root, 'jobs-0')).exists()).toBe(true);
    await release();
    await until(() => !existsSync(join(root, 'jobs-0')));
    expect(readdirSync(root)).toEqual(['jobs-1']);
  });

  it('stay for the delay after the process began, and for ever with Infinity', async () => {
    const root = newRoot();
    for (const name of ['jobs-0', 'jobs-1']) await leave(root, name);
    age(root, 'jobs-1', 3_600_000);
    hold(root, 'jobs-0', Number.POSITIVE_INFINITY);
    const release = hold(root, 'jobs-0', 5_000);
    await afterCleaning();
    expect(readdirSync(root)).toEqual(['jobs-0', 'jobs-1']);
    await release();
  });

  it('of other topics go where nobody could use them any more, and stay where somebody could', async () => {
    const root = newRoot();
    await leave(root, 'other-0');
    await leave(root, 'other-1', { ago: 43_300_000 });
    await leave(root, 'other-2', { isBegun: true });
    await leave(root, 'other-3', { isBegun: true });
    for (const name of ['other-0', 'other-1', 'other-2']) age(root, name, 700_000);
    hold(root, 'jobs-0');
    await until(() => !existsSync(join(root, 'other-1')) && !existsSync(join(root, 'other-2')));
    await afterCleaning();
    expect(readdirSync(root)).toEqual(['other-0', 'other-3']);
  });

  it('stay where something is with them that no copy has put there', async () => {
    const root = newRoot();
    await leave(root, 'jobs-1');
    writeFileSync(join(root, 'jobs-1', 'notes'), 'mine');
    await leave(root, 'jobs-2');
    writeFileSync(join(root, 'jobs-2', readdirSync(join(root, 'jobs-2'))[0] ?? '', 'notes'), 'mine');
    await leave(root, 'jobs-3');
    mkdirSync(join(top, 'elsewhere'));
    await leave(join(top, 'elsewhere'), 'jobs-4');
    symlinkSync(join(top, 'elsewhere', 'jobs-4'), join(root, 'jobs-4'));
    writeFileSync(join(root, 'jobs-5'), 'mine');
    mkdirSync(join(root, 'backup-2'));
    mkdirSync(join(root, 'jobs'));
    hold(root, 'jobs-0');
    await until(() => !existsSync(join(root, 'jobs-3')));
    await afterCleaning();
    expect(readdirSync(root)).toEqual(['backup-2', 'jobs', 'jobs-1', 'jobs-2', 'jobs-4', 'jobs-5']);
    expect(await lmdbCopies(join(top, 'elsewhere', 'jobs-4')).exists()).toBe(true);
  });

  it('are none that were left, deleted and are used again', async () => {
    const root = newRoot();
    hold(root, 'jobs-0');
    await leave(root, 'jobs-1');
    await until(() => !existsSync(join(root, 'jobs-1')));
    await leave(root, 'jobs-1');
    expect(await lmdbCopies(join(root, 'jobs-1')).exists()).toBe(true);
  });

  describe('are none that another process has open', () => {
    let file = '';
    beforeAll(async () => {
      file = await buildChild(new URL('../../support/copyHolderChild.ts', import.meta.url));
    });
    afterAll(() => rmSync(file, { force: true }));

    it('until it is killed', async () => {
      const root = newRoot();
      const child = new Child(file, [join(root, 'jobs-1')]);
      releases.push(() => child.end());
      await child.says('held');
      hold(root, 'jobs-0');
      age(root, 'jobs-1', 3_600_000);
      await afterCleaning();
      expect(readdirSync(root)).toEqual(['jobs-1']);
      await child.end();
      await until(() => !existsSync(join(root, 'jobs-1')));
    });
  });

  it('are not waited for for long where the process that deleted them was in a container that is gone', async () => {
    const location = join(newRoot(), 'jobs-0');
    mkdirSync(location);
    const gone = { token: randomUUID(), host: 'gone', pid: 1, started: '1', system: 'gone', beat: '0' };
    writeFileSync(join(location, `sweep-${gone.token}`), JSON.stringify(gone));
    const end = await use(location, 50);
    expect(readdirSync(location)).toEqual([expect.stringContaining('open-')]);
    await end();
  });

  it('are waited for by who is about to use them, and are deleted by nobody after that', async () => {
    const location = join(newRoot(), 'jobs-0');
    mkdirSync(location);
    const order: string[] = [];
    let finish = (): void => {};
    const deleting = ifUnused(location, async () => {
      order.push('begun');
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      order.push('deleted');
    });
    await until(() => order.length > 0);
    const using = use(location).then((end) => {
      order.push('used');
      return end;
    });
    await sleep(100);
    finish();
    expect(await deleting).toBe(true);
    const end = await using;
    expect(order).toEqual(['begun', 'deleted', 'used']);
    expect(await ifUnused(location, async () => void order.push('again'))).toBe(false);
    await end();
    expect(await ifUnused(location, async () => void order.push('again'))).toBe(true);
    expect(readdirSync(location)).toEqual([]);
  });
});
