import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, FencedError } from 'dstream/node';
import { afterAll, describe, expect, it } from 'vitest';
import { DirectoryLock } from '../../src/storage/directoryLock.js';
import { type FileSystem, nodeFileSystem } from '../../src/storage/fileSystem.js';
import { beatOf, type LockOwner, newOwner } from '../../src/storage/lockOwner.js';
import type { Takeover } from '../../src/storage/takeover.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-locks-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newDirectory = () => mkdtempSync(join(root, 'lock-'));

const leaseTime = 200;

interface Try {
  readonly takeover?: Takeover;
  readonly signal?: AbortSignal;
  readonly waiting?: (reason: string) => void;
  readonly leaseTime?: number;
  readonly fs?: FileSystem;
}
const take = (directory: string, { takeover = 'wait', fs = nodeFileSystem, ...rest }: Try = {}) =>
  DirectoryLock.take(fs, directory, { takeover, leaseTime, ...rest });

const elsewhere: LockOwner = { ...newOwner(leaseTime), token: 'other', host: 'elsewhere', system: 'elsewhere', pid: 7 };
/** In one step: nobody reads half of it. */
function owned(directory: string, owner: object): void {
  const whole = `${directory}.lock`;
  writeFileSync(whole, JSON.stringify(owner));
  renameSync(whole, join(directory, 'lock'));
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: () => resolve() };
}

/** Gives signs of life in the name of an owner until it is left. `beats` resolves after some of them. */
function beating(directory: string, owner: LockOwner) {
  let count = 0;
  let reached = () => {};
  const beats = new Promise<void>((resolve) => {
    reached = resolve;
  });
  owned(directory, owner);
  const timer = setInterval(() => {
    owned(directory, { ...owner, beat: beatOf(++count) });
    if (count === 60) reached();
  }, 10);
  return { beats, leave: () => clearInterval(timer) };
}

describe('the lock of a directory', () => {
  it('is not taken from an owner that gives signs of life, and is at once when it leaves', async () => {
    const directory = newDirectory();
    const owner = beating(directory, elsewhere);
    const reasons: string[] = [];
    let taken = false;
    const lock = take(directory, { waiting: (reason) => reasons.push(reason) });
    void lock.then(() => {
      taken = true;
    });
    await owner.beats;
    expect(taken).toBe(false);
    expect(reasons).toEqual([`waiting for ${directory}, which is in use by process 7 of elsewhere`]);
    owner.leave();
    rmSync(join(directory, 'lock'));
    await (await lock).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is taken when the lease of its owner is over, by one of several newcomers', async () => {
    const directory = newDirectory();
    owned(directory, elsewhere);
    // A thread each: for one thread a directory has one name, and a lock of its own that it does not know is of an earlier process.
    const newcomers = ['', '/.', '/./.'].map((suffix) => ({ directory: directory + suffix }));
    const fs: FileSystem = {
      ...nodeFileSystem,
      readFile: async (path) => (await nodeFileSystem.readFile(path)).replace(/"thread":\d+/, '"thread":-1'),
    };
    const controller = new AbortController();
    // Their own leases are long: a claim that takes its time on a slow machine is not over.
    const locks = newcomers.map((one) => take(one.directory, { fs, signal: controller.signal, leaseTime: 600_000 }));
    const first = await Promise.race(locks);
    await first.check();
    controller.abort();
    const ends = await Promise.allSettled(locks);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await first.check();
    await first.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is linked, not replaced, where its owner leaves meanwhile: another newcomer may have it by then', async () => {
    const directory = newDirectory();
    owned(directory, elsewhere);
    const replaced: string[] = [];
    const fs: FileSystem = {
      ...nodeFileSystem,
      readFile: (path) => {
        rmSync(join(directory, 'lock'), { force: true });
        return nodeFileSystem.readFile(path);
      },
      rename: (from, to) => {
        replaced.push(to);
        return nodeFileSystem.rename(from, to);
      },
    };
    const lock = await take(directory, { fs });
    expect(replaced).toEqual([]);
    expect(readdirSync(directory)).toEqual(['lock']);
    await lock.release();
  });

  it('is not taken where it is unreadable once, as a sign of life is that is being written', async () => {
    const directory = newDirectory();
    const owner = beating(directory, elsewhere);
    let reads = 0;
    const fs: FileSystem = {
      ...nodeFileSystem,
      readFile: async (path) => (++reads % 2 === 1 ? '{"token":' : nodeFileSystem.readFile(path)),
    };
    const controller = new AbortController();
    const lock = take(directory, { fs, signal: controller.signal }).catch((error: unknown) => error);
    await owner.beats;
    controller.abort();
    expect(await lock).toMatchObject({ name: 'AbortError' });
    owner.leave();
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  it('is waited for by the next one of this process where the one before has given up and not let go yet', async () => {
    const directory = newDirectory();
    owned(directory, elsewhere);
    const [letGo, isLettingGo] = [deferred(), deferred()];
    const fs: FileSystem = {
      ...nodeFileSystem,
      remove: async (path) => {
        isLettingGo.resolve();
        await letGo.promise;
        await nodeFileSystem.remove(path);
      },
    };
    const controller = new AbortController();
    const waits = deferred();
    const before = take(directory, { fs, signal: controller.signal, leaseTime: 600_000, waiting: waits.resolve });
    await waits.promise;
    controller.abort();
    const next = take(directory, { takeover: 'wait' });
    await isLettingGo.promise;
    letGo.resolve();
    await expect(before).rejects.toMatchObject({ name: 'AbortError' });
    await (await next).release();
  });

  it('is waited for where the one before was given up while it opened what is in the directory', async () => {
    const directory = newDirectory();
    const controller = new AbortController();
    const before = await take(directory, { signal: controller.signal });
    controller.abort();
    const next = take(directory);
    await before.release();
    await (await next).release();
  });

  it('is not lost to its owner where it is unreadable once', async () => {
    const directory = newDirectory();
    let torn = false;
    const fs: FileSystem = {
      ...nodeFileSystem,
      readFile: async (path) => {
        const now = torn;
        torn = false;
        return now ? '{"token":' : nodeFileSystem.readFile(path);
      },
    };
    const lock = await take(directory, { fs });
    torn = true;
    await lock.check();
    torn = true;
    await lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is refused where that is asked for, if its owner is healthy', async () => {
    const directory = newDirectory();
    const owner = beating(directory, elsewhere);
    const refused = await take(directory, { takeover: 'refuse' }).catch((error: unknown) => error);
    owner.leave();
    expect(refused).toBeInstanceOf(CheckpointError);
    expect((refused as Error).message).toContain('it is in use by process 7 of elsewhere');
    // It gives no sign of life any more.
    await (await take(directory, { takeover: 'refuse' })).release();
  });

  it('is taken at once by force, and the owner is fenced', async () => {
    const directory = newDirectory();
    const first = await take(directory);
    await expect(take(directory)).rejects.toThrow('in use by another stream of this process');
    const second = await take(directory, { takeover: 'force' });
    await expect(first.check()).rejects.toBeInstanceOf(FencedError);
    await first.release();
    await second.check();
    await second.release();
    await (await take(directory)).release();
  });

  it('counts signs of life in its own file only', async () => {
    const directory = newDirectory();
    const lock = await DirectoryLock.take(nodeFileSystem, directory, { takeover: 'wait', leaseTime: 25 });
    const path = join(directory, 'lock');
    const token = JSON.parse(readFileSync(path, 'utf8')).token;
    while (JSON.parse(readFileSync(path, 'utf8')).beat < beatOf(3))
      await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(path);
    owned(directory, elsewhere);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(elsewhere);
    expect(token).not.toBe('other');
    await lock.release();
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  it('of a process that has ended, or of an older version elsewhere, is taken at once', async () => {
    const { beat: _, system: __, ...older } = elsewhere;
    const ended = { ...newOwner(1e9), pid: 999_999_999 };
    for (const owner of [ended, older, { ...newOwner(1e9), started: '1' }]) {
      const directory = newDirectory();
      owned(directory, owner);
      await (await take(directory)).release();
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('of a newcomer that ended while it took over does not hold up the next', async () => {
    const directory = newDirectory();
    owned(directory, { ...elsewhere, leaseTime: 20 });
    writeFileSync(join(directory, 'lock-other.claim'), JSON.stringify({ ...newOwner(1e9), pid: 999_999_999 }));
    await (await take(directory)).release();
    expect(readdirSync(directory)).toEqual([]);
  });
});
