import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FencedError } from 'dstream';
import { firstValueFrom, from, type Subscription } from 'rxjs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { changelogCopies } from '../../../src/state/kafka/changelogCopies.js';
import { followChangelog } from '../../../src/state/kafka/changelogFollower.js';
import type { LocalCopies, LocalCopy } from '../../../src/state/kafka/localCopy.js';
import { openChangelog } from '../../../src/state/kafka/openChangelog.js';
import { lmdbCopies } from '../../../src/state/lmdb/lmdbCopies.js';
import { copyWarnings } from '../../support/copyWarnings.js';
import { change, settle } from '../../support/savedBatches.js';
import { SparseLog } from '../../support/sparseLog.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-standby-'));
let directories = 0;
const awake = Date.now;
const newDirectory = () => join(root, String(directories++));
const { warned } = copyWarnings();
const standbys: Standby[] = [];
afterEach(async () => {
  await Promise.all(standbys.splice(0).map((standby) => standby.stop()));
  vi.restoreAllMocks();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A process that keeps a copy of a log. */
class Standby {
  readonly behind: (number | undefined)[] = [];
  readonly #abort = new AbortController();
  readonly #ended: Promise<unknown>;
  #subscription: Subscription | undefined;

  constructor(log: SparseLog, directory: string) {
    standbys.push(this);
    const copies = changelogCopies('here', lmdbCopies(directory), () => log.open());
    this.#ended = new Promise((resolve, reject) => {
      this.#subscription = from(copies.follow(this.#abort.signal)).subscribe({
        next: (look) => this.behind.push(look?.behind),
        error: reject,
        complete: () => resolve(undefined),
      });
    });
  }

  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** Until it has looked once more, and was behind by nothing. */
  async current(): Promise<void> {
    const before = this.behind.length;
    await vi.waitUntil(() => this.behind.length > before && this.behind.at(-1) === 0, { timeout: 10_000, interval: 5 });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
    this.#subscription?.unsubscribe();
  }
}

const how = { takeover: 'wait', leaseTime: 15_000, by: { task: '0', memberId: 'm', generation: 1 } } as const;
const open = (log: SparseLog, directory?: string) =>
  openChangelog(log.open(), how, directory === undefined ? undefined : lmdbCopies(directory));
type Session = Awaited<ReturnType<typeof open>>;
const save = (session: Session, time: number, set: readonly [string, unknown][], deleted: readonly string[] = []) => {
  const batch = { time, zeroTime: 0, interval: 10, positions: {} };
  return settle(session.save({ ...batch, changes: [session.encode(change(set, deleted))] }));
};
const entriesOf = (session: Session) => [...(session.restored?.state('counts')?.entries() ?? [])];
const keys = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i): [string, number] => [`key${from + i}`, i]);

/** The clock of a machine that slept for so long, ms. */
const sleptFor = (ms: number) => () => awake() + ms;

/** What a takeover with the copy reads, and what it has. */
async function takenOver(log: SparseLog, directory: string) {
  log.visited = 0;
  const session = await open(log, directory);
  const read = log.visited;
  const entries = entriesOf(session);
  await settle(session.close());
  const without = await open(log);
  expect(entries).toEqual(entriesOf(without));
  await settle(without.close());
  return { read, entries };
}

/** Copies that write when they are released. `late`: what is written then, why that failed, and that they were closed. */
function slowCopies(directory: string) {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const copies = lmdbCopies(directory);
  const late: unknown[] = [];
  const slow: LocalCopies = {
    ...copies,
    open: async () => {
      const copy = await copies.open();
      const write: LocalCopy['write'] = async (...writes) => {
        late.push(writes);
        await released;
        await copy.write(...writes).catch((error: unknown) => {
          late.push(error);
          throw error;
        });
      };
      return Object.assign(Object.create(copy), {
        mark: () => copy.mark(),
        own: () => copy.own(),
        write,
        close: () => {
          late.push('closed');
          return copy.close();
        },
      });
    },
  };
  return { slow, late, release: () => release() };
}

describe('a copy that follows a changelog', () => {
  it('is all that a takeover reads, but for the tail', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(5_000));
    const standby = new Standby(log, directory);
    await standby.current();
    await save(
      owner,
      20,
      [
        ['key7', 'new'],
        ['more', 1],
      ],
      ['key8'],
    );
    await standby.current();
    await standby.stop();
    await save(owner, 30, [['last', 1]]);
    expect(standby.behind[0]).toBeGreaterThan(5_000);
    const { read, entries } = await takenOver(log, directory);
    expect(entries).toHaveLength(5_001);
    expect(read).toBeLessThan(5);
    expect(await warned()).toBe('');
  });

  it('goes on with a copy that is there, and deletes nothing when it ends', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log, directory);
    await save(owner, 10, keys(500));
    await settle(owner.close());
    log.visited = 0;
    const copies = changelogCopies('here', lmdbCopies(directory), () => log.open());
    expect(await firstValueFrom(from(copies.exists()))).toBe(true);
    const standby = new Standby(log, directory);
    await standby.current();
    await standby.stop();
    expect(log.visited).toBeLessThan(5);
    expect(readdirSync(directory)).toHaveLength(1);
    expect(
      await firstValueFrom(from(changelogCopies('x', lmdbCopies(newDirectory()), () => log.open()).exists())),
    ).toBe(false);
  });

  it('begins again where it was left before it was whole', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(20_000));
    const half = new Standby(log, directory);
    await vi.waitUntil(() => half.behind.length > 3, { interval: 1 });
    await half.stop();
    expect(half.behind.at(-1)).toBeGreaterThan(0);
    await save(owner, 20, [], ['key3']);
    log.tombstonesMs = 0;
    log.compact();
    log.tombstonesMs = 86_400_000;
    const standby = new Standby(log, directory);
    await standby.current();
    await standby.stop();
    const { read, entries } = await takenOver(log, directory);
    expect(read).toBeLessThan(5);
    expect(entries).toHaveLength(19_999);
    expect(await warned()).toBe('');
  });

  it('is read anew when an unclean election has cut the log before its end, and records were written since', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const cut = log.end;
    await save(owner, 20, [['lost', 1]]);
    const standby = new Standby(log, directory);
    await standby.current();
    log.elect(cut);
    const next = await open(log);
    await save(next, 20, keys(100, 100));
    await standby.current();
    await standby.stop();
    expect(await warned()).toMatch(
      /is not up to date: it was cut at \d+\n.*is rebuilt: it ends at offset \d+, and the partition was cut at \d+/,
    );
    const { entries } = await takenOver(log, directory);
    expect(entries).toHaveLength(150);
    expect(entries).not.toContainEqual(['lost', 1]);
  });

  it('is read anew when its process slept for so long that tombstones are gone', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.current();
    await save(owner, 20, [['more', 1]], ['key3']);
    vi.spyOn(Date, 'now').mockImplementation(sleptFor(2 * 86_400_000));
    log.compact();
    expect(log.records.some(({ record }) => record.key.toString().endsWith('key3'))).toBe(false);
    await standby.current();
    await standby.stop();
    const { entries } = await takenOver(log, directory);
    expect(entries).toHaveLength(50);
    expect(await warned()).toMatch(
      /is not up to date: it was last complete 172\d{3} s ago\n.*is rebuilt: it is 172\d{3} s old, and deletions may be gone/,
    );
  });

  it('is read anew when its process slept for so long while it read', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const opened = log.open.bind(log);
    let sleeps = false;
    vi.spyOn(log, 'open').mockImplementation(() => {
      const changelog = opened();
      const read: typeof changelog.read = (from, visit, progress) =>
        changelog.read(from, visit, async (...at) => {
          await progress?.(...at);
          if (!sleeps) return;
          sleeps = false;
          vi.spyOn(Date, 'now').mockImplementation(sleptFor(2 * 86_400_000));
          log.compact();
        });
      return { ...changelog, read };
    });
    const standby = new Standby(log, directory);
    await standby.current();
    await save(owner, 20, [['more', 1]], ['key3']);
    sleeps = true;
    await standby.current();
    await standby.current();
    await standby.stop();
    expect((await takenOver(log, directory)).entries).toHaveLength(50);
    expect(await warned()).toContain('is rebuilt: it is 172');
  });

  it('is not kept of a topic of which it may not be read for how long tombstones are there', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    log.tombstonesMs = undefined;
    await save(await open(log), 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.ended;
    expect(standby.behind).toEqual([]);
    expect(await warned()).toMatch(/is not kept any more: .* may not be read \(DescribeConfigs\)/);
  });

  it('is not kept of a topic whose tombstones are gone at once', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    log.tombstonesMs = 1_000;
    await save(await open(log), 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.ended;
    expect(await warned()).toMatch(/is not kept any more: .*delete\.retention\.ms \(1000\)/);
  });

  it('goes on after an election that has cut nothing', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.current();
    log.elect();
    await save(owner, 20, [['more', 1]]);
    await standby.current();
    log.elect();
    await standby.current();
    await standby.stop();
    const { read } = await takenOver(log, directory);
    expect(read).toBeLessThan(5);
    expect(await warned()).toBe('');
  });

  it('goes on where it was left while it caught up after an election', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(500));
    const standby = new Standby(log, directory);
    await standby.current();
    await standby.stop();
    log.elect();
    await save(owner, 20, keys(8_000, 1_000));
    const half = new Standby(log, directory);
    await vi.waitUntil(() => half.behind.length > 1, { interval: 1 });
    await half.stop();
    expect(half.behind.at(-1)).toBeGreaterThan(0);
    const { read } = await takenOver(log, directory);
    expect(read).toBeLessThan(7_000);
    expect(await warned()).toBe('');
  });

  it('is rebuilt for a topic that was created again, and when it is damaged', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.current();
    await standby.stop();
    const [name = ''] = readdirSync(directory);
    truncateSync(join(directory, name, 'data.mdb'), 8_192);
    const second = new Standby(log, directory);
    await second.current();
    await second.stop();
    expect(await warned()).toContain('is rebuilt: ');
    log.recreate('second');
    await save(await open(log), 10, keys(5));
    const third = new Standby(log, directory);
    await third.current();
    await third.stop();
    expect(await warned()).toContain('is rebuilt: it is of a topic of this name that was deleted');
    expect((await takenOver(log, directory)).entries).toHaveLength(5);
  });

  it('is there after a while without the log, with one warning', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const opened = log.open.bind(log);
    const away = async () => Promise.reject(new Error('the broker is away'));
    let fails = 2;
    vi.spyOn(log, 'open').mockImplementation(() => (fails-- > 0 ? { ...opened(), describe: away } : opened()));
    const standby = new Standby(log, directory);
    await standby.current();
    expect(standby.behind.slice(0, 2)).toEqual([undefined, undefined]);
    expect((await warned()).match(/is not up to date: the broker is away/g)).toHaveLength(1);
  });

  it('waits until its own process has closed the copy as the owner', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log, directory);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await sleep(50);
    expect(standby.behind).toEqual([]);
    await settle(owner.close());
    await standby.current();
    await standby.stop();
    expect(readdirSync(directory)).toHaveLength(1);
    expect(await warned()).toBe('');
  });

  it.each(['describe', 'read'] as const)('ends at once while a request to a broker hangs: %s', async (request) => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    await save(await open(log), 10, keys(50));
    const opened = log.open.bind(log);
    let hangs = false;
    vi.spyOn(log, 'open').mockImplementation(() => {
      const hang = (): Promise<never> => {
        hangs = true;
        return new Promise(() => {});
      };
      return { ...opened(), [request]: hang };
    });
    const standby = new Standby(log, directory);
    await vi.waitUntil(() => hangs, { interval: 1 });
    await standby.stop();
    const copy = await lmdbCopies(directory).open();
    await copy.own();
    await copy.close();
    expect(await warned()).toBe('');
  });

  it('is fenced by an owner that does not wait for what it is writing', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.current();
    await standby.stop();
    const { slow, late, release } = slowCopies(directory);
    const abort = new AbortController();
    const following = followChangelog({ open: () => log.open(), copies: slow, signal: abort.signal, looked: () => {} });
    await save(owner, 20, [['key3', 'stale']]);
    await vi.waitUntil(() => late.length > 0, { timeout: 5_000, interval: 5 });
    abort.abort();
    const next = await open(log, directory);
    await save(next, 30, [['key3', 'new']]);
    release();
    await following;
    await save(next, 40, [['last', 1]]);
    await settle(next.close());
    expect(late.slice(-2)).toEqual([expect.any(FencedError), 'closed']);
    const { read, entries } = await takenOver(log, directory);
    expect(read).toBeLessThan(5);
    expect(entries).toContainEqual(['key3', 'new']);
    expect(await warned()).toBe('');
  });

  it('is not closed while it writes what it has read so far', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    await save(await open(log), 10, keys(5_000));
    await (await lmdbCopies(directory).open()).close();
    const { slow, late, release } = slowCopies(directory);
    const abort = new AbortController();
    const copies: LocalCopies = { ...slow, renew: slow.open };
    const following = followChangelog({ open: () => log.open(), copies, signal: abort.signal, looked: () => {} });
    await vi.waitUntil(() => late.length > 1, { timeout: 5_000, interval: 5 });
    abort.abort();
    await sleep(20);
    // It was closed to be begun again, and is open since.
    expect(late.lastIndexOf('closed')).toBe(0);
    release();
    await following;
    expect(late.at(-1)).toBe('closed');
  });

  it('ends when another process writes the copy', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const owner = await open(log);
    await save(owner, 10, keys(50));
    const standby = new Standby(log, directory);
    await standby.current();
    const other = await lmdbCopies(directory).open();
    await other.own();
    await save(owner, 20, [['more', 1]]);
    await standby.ended;
    expect(await warned()).toContain('is not kept any more: ');
    await other.close();
  });
});
