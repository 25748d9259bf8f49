import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, FencedError } from 'dstream';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import fc from 'fast-check';
import { defer, from } from 'rxjs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { LocalCopies } from '../../../src/state/kafka/localCopy.js';
import { openChangelog } from '../../../src/state/kafka/openChangelog.js';
import { lmdbCopies } from '../../../src/state/lmdb/lmdbCopies.js';
import { copyWarnings } from '../../support/copyWarnings.js';
import { change, settle } from '../../support/savedBatches.js';
import { SparseLog } from '../../support/sparseLog.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-copy-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const newDirectory = () => join(root, String(directories++));

const { warnings, warned } = copyWarnings();
afterEach(() => void vi.useRealTimers());

const wait = { takeover: 'wait', leaseTime: 15_000 } as const;
const by = { task: '0', memberId: 'm', generation: 1 };
const open = (log: SparseLog, copies?: LocalCopies, how = {}) => openChangelog(log.open(), { ...wait, ...how }, copies);
type Session = Awaited<ReturnType<typeof open>>;
const batch = (time: number, changes: readonly unknown[] = []) => {
  return { time, zeroTime: 0, interval: 10, positions: {}, changes };
};
const save = (session: Session, time: number, set: readonly [string, unknown][], deleted: readonly string[] = []) =>
  settle(session.save(batch(time, [session.encode(change(set, deleted))])));
const entriesOf = (session: Session) => [...(session.restored?.state('counts')?.entries() ?? [])];
const hundred = Array.from({ length: 100 }, (_, i): [string, number] => [`key${i}`, i]);

/** A log and a copy of it, both of a hundred keys. */
async function copied(): Promise<{ readonly log: SparseLog; readonly directory: string; readonly end: number }> {
  const [log, directory] = [new SparseLog(), newDirectory()];
  const session = await open(log, lmdbCopies(directory));
  await save(session, 10, hundred);
  await settle(session.close());
  log.reads = [];
  return { log, directory, end: log.end };
}

const dataFile = (directory: string) => {
  const [name = '', ...others] = readdirSync(directory);
  expect(others).toEqual([]);
  return join(directory, name, 'data.mdb');
};

describe('a checkpoint in a changelog with a copy', () => {
  const newStore = (opened: (log: SparseLog) => void) => (): CheckpointStore => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const connect = (): Checkpoint => ({
      location: 'changelog in memory',
      open: (how = {}) =>
        defer(() => {
          opened(log);
          return from(open(log, lmdbCopies(directory), { ...how, takeover: how.takeover ?? 'wait' }));
        }),
    });
    return { connect };
  };

  describe('keeps the contract', () => {
    for (const { name, run } of checkpointContract(newStore(() => {}))) it(name, run);
  });

  describe('keeps the contract, compacted before each opening', () => {
    for (const { name, run } of checkpointContract(newStore((log) => log.compact()))) it(name, run);
  });

  it('reads only what came after the copy', async () => {
    const { log, directory, end } = await copied();
    const elsewhere = await open(log);
    await save(
      elsewhere,
      20,
      [
        ['key7', 'new'],
        ['more', 1],
      ],
      ['key8'],
    );
    await settle(elsewhere.close());
    log.reads = [];
    for (const _ of ['with that in the log', 'with that in the copy']) {
      const session = await open(log, lmdbCopies(directory));
      expect(session.restored?.time).toBe(20);
      const expected = hundred.filter(([key]) => key !== 'key8').map(([key, n]) => [key, key === 'key7' ? 'new' : n]);
      expect(entriesOf(session)).toEqual([...expected, ['more', 1]]);
      expect(session.usage().bytes).toBeGreaterThan(0);
      await settle(session.close());
    }
    // All but the record that releases the lease was in it; and the second time what had been read then was too.
    expect(log.reads[0]).toBeGreaterThan(end - 4);
    expect(log.reads.at(-1)).toBeGreaterThan(log.end - 6);
    expect(await warned()).toBe('');
  });

  it('saves the first batch, and is closed, while it is not known yet which number each key has', async () => {
    const { log, directory } = await copied();
    const all = Array.from({ length: 30_000 }, (_, i): [string, unknown] => [`key${i}`, i]);
    const first = await open(log, lmdbCopies(directory));
    await save(first, 20, all);
    await settle(first.close());
    const session = await open(log, lmdbCopies(directory), { by });
    const saved = save(
      session,
      30,
      [
        ['key29000', 'new'],
        ['more', 1],
      ],
      ['key5'],
    );
    await Promise.all([saved, settle(session.close())]);
    const expected = all.flatMap(([key, n]) => (key === 'key5' ? [] : [[key, key === 'key29000' ? 'new' : n]]));
    for (const copies of [undefined, lmdbCopies(directory)]) {
      const again = await open(log, copies);
      expect(again.restored?.time).toBe(30);
      expect(entriesOf(again)).toEqual([...expected, ['more', 1]]);
      await settle(again.close());
    }
  });

  it('uses a copy while its settings cannot be asked for, by what they were, until that is too long ago', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { log, directory, end } = await copied();
    log.isAway = true;
    const session = await open(log, lmdbCopies(directory));
    expect(entriesOf(session)).toEqual(hundred);
    expect(log.reads[0]).toBeGreaterThan(end - 4);
    await settle(session.close());
    expect(await warned()).toBe('');
    vi.setSystemTime(Date.now() + 50_000_000);
    await settle((await open(log, lmdbCopies(directory))).close());
    expect(await warned()).toContain('deletions may be gone after 86400 s');
  });

  it('writes no copy that could never be used, since delete.retention.ms may not be read, and says so once', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    log.tombstonesMs = undefined;
    for (const time of [10, 20]) {
      const session = await open(log, lmdbCopies(directory));
      await save(session, time, hundred);
      expect(session.usage().bytes).toBeUndefined();
      await settle(session.close());
    }
    const copy = await lmdbCopies(directory).open();
    let records = 0;
    await copy.read(() => records++);
    expect([records, copy.mark()]).toEqual([0, undefined]);
    await copy.close();
    expect(await warned()).toMatch(
      /^[^\n]* is not kept any more: the delete.retention.ms of the topic may not be read \(DescribeConfigs\)[^\n]*$/,
    );
  });

  it('goes on with a copy that another stream has kept up to date', async () => {
    const { log, directory } = await copied();
    const first = await open(log, lmdbCopies(directory));
    const second = await open(log, lmdbCopies(directory), { by });
    await save(second, 20, [['b', 2]]);
    await expect(save(first, 20, [['a', 1]])).rejects.toThrow(FencedError);
    await save(second, 30, [['c', 3]]);
    await Promise.all([settle(first.close()), settle(second.close())]);
    expect(await warned()).toBe('');
    log.reads = [];
    const third = await open(log, lmdbCopies(directory));
    expect(entriesOf(third)).toEqual([...hundred, ['b', 2], ['c', 3]]);
    expect(log.reads[0]).toBeGreaterThan(log.end - 6);
    await settle(third.close());
  });

  it('is left by a stream whose copy another one has taken', async () => {
    const { log, directory } = await copied();
    const session = await open(log, lmdbCopies(directory));
    await save(session, 20, [['a', 1]]);
    const other = await lmdbCopies(directory).open();
    await other.own();
    await save(session, 30, [['b', 2]]);
    await save(session, 40, [['c', 3]]);
    expect(session.usage().bytes).toBeUndefined();
    expect(await warned()).toContain('is not kept any more: ');
    await Promise.all([settle(session.close()), other.close()]);
    const again = await open(log, lmdbCopies(directory));
    expect(entriesOf(again)).toEqual([...hundred, ['a', 1], ['b', 2], ['c', 3]]);
    await settle(again.close());
  });

  describe('rebuilds a copy', () => {
    const rebuilds = async (directory: string, log: SparseLog, expected: readonly unknown[], why: string) => {
      log.reads = [];
      const session = await open(log, lmdbCopies(directory));
      expect(entriesOf(session)).toEqual(expected);
      expect(log.reads[0]).toBe(0);
      await settle(session.close());
      expect(await warned()).toMatch(new RegExp(why));
      log.reads = [];
      const again = await open(log, lmdbCopies(directory));
      expect(entriesOf(again)).toEqual(expected);
      expect(log.reads[0]).toBeGreaterThan(0);
      await settle(again.close());
      expect(await warned()).toBe('');
    };

    it('that is of a topic which was created again', async () => {
      const { log, directory } = await copied();
      log.recreate('second');
      const elsewhere = await open(log);
      for (let time = 10; time < 2_000; time += 10) await save(elsewhere, time, [['a', time]]);
      await settle(elsewhere.close());
      await rebuilds(directory, log, [['a', 1_990]], 'is rebuilt: it is of a topic of this name that was deleted');
    });

    it('that ends before the log begins', async () => {
      const { log, directory } = await copied();
      const elsewhere = await open(log);
      await save(elsewhere, 20, [['a', 1]]);
      await settle(elsewhere.close());
      log.records = log.records.filter(({ offset, record }) => offset >= log.end - 5 || record.key[0] === 0x73);
      log.begin = log.end - 5;
      await rebuilds(directory, log, [['a', 1]], 'is rebuilt: it ends at offset \\d+, and the partition begins at ');
    });

    it('that ends beyond the end of the log', async () => {
      const { log, directory } = await copied();
      log.recreate('first');
      const elsewhere = await open(log);
      await save(elsewhere, 20, [['a', 1]]);
      await settle(elsewhere.close());
      await rebuilds(directory, log, [['a', 1]], 'is rebuilt: it ends at offset \\d+, and the partition at ');
    });

    it('that was away for so long that tombstones are gone', async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      const { log, directory } = await copied();
      log.tombstonesMs = 60_000;
      vi.setSystemTime(Date.now() + 1);
      const elsewhere = await open(log);
      await save(elsewhere, 20, [], ['key7']);
      await settle(elsewhere.close());
      const without = hundred.filter(([key]) => key !== 'key7');
      // Still there: half of the time is not over.
      vi.setSystemTime(Date.now() + 29_000);
      log.compact();
      log.reads = [];
      const session = await open(log, lmdbCopies(directory));
      expect(entriesOf(session)).toEqual(without);
      expect(log.reads[0]).toBeGreaterThan(0);
      await settle(session.close());
      const later = await open(log);
      await save(later, 30, [], ['key8']);
      await settle(later.close());
      vi.setSystemTime(Date.now() + 90_000);
      log.compact();
      expect(log.records.some(({ record }) => record.key.toString().endsWith('skey8'))).toBe(false);
      const expected = without.filter(([key]) => key !== 'key8');
      await rebuilds(directory, log, expected, 'deletions may be gone after 60 s \\(delete.retention.ms\\)');
    });

    it('that is of a later time than now', async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      const { log, directory } = await copied();
      vi.setSystemTime(Date.now() - 1_000);
      await rebuilds(directory, log, hundred, 'it is of a later time than now');
    });

    it('that is damaged, wherever', async () => {
      const { log, directory } = await copied();
      const { size } = statSync(dataFile(directory));
      for (let i = 0; i < 12; i++) {
        const path = dataFile(directory);
        const bytes = readFileSync(path);
        const at = i * Math.floor(size / 12);
        for (let j = at; j < at + 4_096 && j < bytes.length; j++) bytes[j] = (bytes[j] ?? 0) ^ 0x55;
        writeFileSync(path, bytes);
        const session = await open(log, lmdbCopies(directory));
        expect(entriesOf(session)).toEqual(hundred);
        await settle(session.close());
      }
      truncateSync(dataFile(directory), 10_000);
      await rebuilds(directory, log, hundred, 'is rebuilt: .*data.mdb');
    });

    it('that was not complete', async () => {
      const [log, directory] = [new SparseLog(), newDirectory()];
      const elsewhere = await open(log);
      await save(elsewhere, 10, hundred);
      await settle(elsewhere.close());
      const copy = await lmdbCopies(directory).open();
      await copy.own();
      await copy.write([{ key: Buffer.from('e\0\0x'), value: Buffer.alloc(20) }], undefined);
      await copy.close();
      const session = await open(log, lmdbCopies(directory));
      expect(entriesOf(session)).toEqual(hundred);
      await settle(session.close());
      log.reads = [];
      await settle((await open(log, lmdbCopies(directory))).close());
      expect(log.reads[0]).toBeGreaterThan(100);
    });
  });

  it('goes on without a copy that cannot be opened or written, and says so once', async () => {
    const { log, directory } = await copied();
    const real = lmdbCopies(directory);
    const refused: LocalCopies = { ...real, open: () => Promise.reject(new Error('no right to read it')) };
    const without = await open(log, refused);
    await save(without, 20, [['a', 1]]);
    await settle(without.close());
    expect(await warned()).toMatch(/^the copy of changelog in memory in .* is not kept any more: no right to read it$/);

    const filled: LocalCopies = {
      ...real,
      open: async () =>
        Object.assign(await real.open(), { write: () => Promise.reject(new Error('the disk is full')) }),
    };
    const session = await open(log, filled);
    await save(session, 30, [['a', 30]]);
    while (warnings.length === 0) await sleep(5);
    for (let time = 40; time < 100; time += 10) await save(session, time, [['a', time]]);
    await settle(session.close());
    expect((await warned()).match(/the disk is full/g)).toHaveLength(1);
    const again = await open(log, real);
    expect(entriesOf(again)).toEqual([...hundred, ['a', 90]]);
    await settle(again.close());
  });

  it('is opened and replaced by several at once, one after the other', async () => {
    const directory = newDirectory();
    for (let round = 0; round < 5; round++) {
      const copies = Array.from({ length: 6 }, (_, i) => {
        const mine = lmdbCopies(directory);
        return i % 2 === 0 ? mine.open() : mine.renew();
      });
      for (const copy of await Promise.all(copies)) await copy.close();
      expect(readdirSync(directory)).toHaveLength(1);
    }
  });

  it('is read as of one moment, whatever is written to it meanwhile', async () => {
    const directory = newDirectory();
    const writer = await lmdbCopies(directory).renew();
    await writer.own();
    // Of all lengths: also in pages of their own.
    const keys = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`key${i}${'x'.repeat(i % 300)}`));
    const filler = Buffer.alloc(9_000, '.');
    const write = (round: number) => {
      const value = (i: number) =>
        Buffer.concat([Buffer.from([round % (7 * 36)]), filler.subarray(0, i % 100 ? 30 : 9_000)]);
      const isHere = (i: number) => i % 7 !== round % 7;
      return writer.write(
        keys.map((key, i) => ({ key, value: isHere(i) ? value(i) : null })),
        { log: 'first', offset: round, at: 0 },
      );
    };
    await write(0);
    let isOver = false;
    const writing = (async () => {
      for (let round = 1; !isOver; round++) await write(round);
    })();
    const seen = new Set<number>();
    for (let reads = 0; reads < 15; reads++) {
      const copy = await lmdbCopies(directory).open({ toRead: true });
      const rounds = new Set<number>();
      let count = 0;
      await copy.read((_, _start, _end, value, start) => {
        count++;
        rounds.add(value[start] as number);
      });
      await copy.close();
      const [round = -1, ...others] = rounds;
      seen.add(round);
      expect(others).toEqual([]);
      expect(count).toBe(keys.filter((_, i) => i % 7 !== round % 7).length);
    }
    isOver = true;
    await writing;
    await writer.close();
    expect(seen.size).toBeGreaterThan(3);
  });

  it('keeps keys that are too long to look up, and values that are empty', async () => {
    const [log, directory] = [new SparseLog(), newDirectory()];
    const session = await open(log, lmdbCopies(directory));
    const all: [string, unknown][] = [
      ['x'.repeat(5_000), 'long'],
      ['y'.repeat(5_000), undefined],
      ['', ''],
    ];
    await save(session, 10, all);
    await save(session, 20, [], ['y'.repeat(5_000)]);
    await settle(session.close());
    log.records = log.records.slice(-1);
    const again = await open(log, lmdbCopies(directory));
    expect(entriesOf(again)).toEqual([all[0], all[2]]);
    await settle(again.close());
  });

  it('is that of the log after any history of saves, crashes, other machines, pauses and compaction', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant('save' as const), set: fc.array(key), deleted: fc.array(key) }),
      },
      { weight: 3, arbitrary: fc.record({ type: fc.constant('open' as const), copy: fc.boolean(), crash: fc.nat(6) }) },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constant('pause' as const), ms: fc.constantFrom(1, 20_000, 40_000, 90_000) }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('compact' as const) }) },
    );
    vi.useFakeTimers({ toFake: ['Date'] });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const [log, directory] = [new SparseLog(), newDirectory()];
        log.tombstonesMs = 60_000;
        const model = new Map<string, number>();
        let [time, session] = [0, await open(log, lmdbCopies(directory), { by })];
        const sessions = [session];
        for (const one of steps) {
          if (one.type === 'pause') vi.setSystemTime(Date.now() + one.ms);
          else if (one.type === 'compact') log.compact();
          else if (one.type === 'open') {
            // Not closed: as by a process that was killed, with its copy at any step.
            session = await open(log, one.copy ? crashing(lmdbCopies(directory), one.crash) : undefined, { by });
            sessions.push(session);
            expect(entriesOf(session)).toEqual([...model]);
          } else {
            time += 10;
            const set = [...new Set(one.set)].map((name): [string, number] => [name, time]);
            const deleted = [...new Set(one.deleted)].filter((name) => !one.set.includes(name));
            await save(session, time, set, deleted);
            for (const [name, value] of set) model.set(name, value);
            for (const name of deleted) model.delete(name);
          }
        }
        const last = await open(log, lmdbCopies(directory), { by });
        expect(entriesOf(last)).toEqual([...model]);
        await Promise.all([...sessions, last].map((one) => settle(one.close())));
        rmSync(directory, { recursive: true, force: true });
      }),
      { numRuns: 25 },
    );
  });
});

/** Copies of which nothing is written any more after some writes, as by a process that was killed then. */
function crashing(copies: LocalCopies, writes: number): LocalCopies {
  let left = writes;
  const wrap = (opened: ReturnType<LocalCopies['open']>) =>
    opened.then((copy) => {
      const write = copy.write.bind(copy);
      copy.write = (...records) => (left-- > 0 ? write(...records) : new Promise(() => {}));
      return copy;
    });
  return { ...copies, open: () => wrap(copies.open()), renew: () => wrap(copies.renew()) };
}
