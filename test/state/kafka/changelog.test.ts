import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkpoint, FencedError } from 'dstream';
import { CheckpointError, CorruptCheckpointError, type Damage, exportCheckpoint } from 'dstream/node';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { defer, firstValueFrom, from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Changelog, ChangelogRecord } from '../../../src/state/kafka/changelog.js';
import { ChangelogImage } from '../../../src/state/kafka/changelogImage.js';
import { ChangelogWriter } from '../../../src/state/kafka/changelogWriter.js';
import { openChangelog, openDamagedChangelog } from '../../../src/state/kafka/openChangelog.js';
import { type ChangelogMemory, compact, memoryChangelog } from '../../support/memoryChangelog.js';
import { saveAtOnce, savedAtOnce, seenIn } from '../../support/overlappingSaves.js';
import { change, settle } from '../../support/savedBatches.js';

const wait = { takeover: 'wait', leaseTime: 15_000 } as const;

function checkpointOver(memory: ChangelogMemory, opened: (memory: ChangelogMemory) => void = () => {}): Checkpoint {
  return {
    location: 'changelog in memory',
    open: (how = {}) =>
      defer(() => {
        opened(memory);
        if (how.salvage) return from(openDamagedChangelog(memoryChangelog(memory), how.salvage, wait));
        return from(openChangelog(memoryChangelog(memory), { ...wait, ...how, takeover: how.takeover ?? 'wait' }));
      }),
  };
}

const open = (memory: ChangelogMemory, how = {}, changelog = memoryChangelog(memory)) =>
  openChangelog(changelog, { ...wait, ...how });
const batch = (time: number, changes: readonly unknown[] = [], more = {}) => {
  return { time, zeroTime: 0, interval: 10, positions: {}, changes, ...more };
};

describe('a checkpoint in a changelog', () => {
  const newStore = (opened?: (memory: ChangelogMemory) => void) => (): CheckpointStore => {
    const memory: ChangelogMemory = { records: [] };
    return { connect: () => checkpointOver(memory, opened) };
  };

  describe('keeps the contract', () => {
    for (const { name, run } of checkpointContract(newStore())) it(name, run);
  });

  describe('keeps the contract, compacted before each opening', () => {
    for (const { name, run } of checkpointContract(newStore(compact))) it(name, run);
  });

  it('has saves that overlap in effect in their order, and writes those that wait together', async () => {
    const memory: ChangelogMemory = { records: [] };
    const changelog = memoryChangelog(memory);
    const session = await open(memory, {}, changelog);
    await saveAtOnce(session, 8);
    // The owner, the first save, and all the others.
    expect(changelog.appends).toBe(3);
    await settle(session.close());
    const again = await open(memory);
    expect(seenIn(again)).toEqual(savedAtOnce(8));
    await settle(again.close());
  });

  it('saves nothing behind what could not be saved', async () => {
    const memory: ChangelogMemory = { records: [] };
    let refusals = 1;
    const refuses = (records: readonly ChangelogRecord[]) =>
      records.some(({ key }) => key[0] === 0x70) && refusals-- > 0 ? new Error('no') : undefined;
    const session = await open(memory, {}, memoryChangelog(memory, refuses));
    const saved = await Promise.allSettled([10, 20, 30].map((time) => settle(session.save(batch(time)))));
    expect(saved.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(settle(session.plan({ time: 40, zeroTime: 0, interval: 10, ranges: {} }))).rejects.toThrow(
      CheckpointError,
    );
    await settle(session.close());
    const again = await open(memory, { takeover: 'force' });
    expect(again.restored).toBeUndefined();
    await settle(again.close());
  });

  it('writes only what has changed: an entry, its deletion, the description of a state once', async () => {
    const memory: ChangelogMemory = { records: [] };
    const session = await open(memory);
    const all = Array.from({ length: 1_000 }, (_, i): [string, number] => [`key${i}`, i]);
    await settle(session.save(batch(10, [session.encode(change(all))])));
    const before = memory.records.length;
    await settle(session.save(batch(20, [session.encode(change([['key7', 8]], ['key8', 'was never there']))])));
    const kinds = memory.records
      .slice(before)
      .map(({ key, value }) => `${String.fromCharCode(key[0] ?? 0)} ${value !== null}`);
    expect(kinds).toEqual(['e true', 'e false', 'p true']);
    await settle(session.close());
  });

  it('writes what goes with a batch in the transaction that saves it, and nothing of a batch that is not saved', async () => {
    const memory: ChangelogMemory = { records: [] };
    const changelog = memoryChangelog(memory);
    const session = await open(memory, {}, changelog);
    session.with(20, 'b');
    session.with(10, 'a1');
    session.with(10, 'a2');
    await settle(session.save(batch(10)));
    expect(changelog.others).toEqual(['a1', 'a2']);
    await settle(session.close());
    expect(changelog.others).toEqual(['a1', 'a2']);
  });

  it('is taken from an owner that gives no sign of life, and from one that does only by force', async () => {
    const memory: ChangelogMemory = { records: [] };
    // Another machine, which is gone.
    const owner = { token: 'gone', host: 'elsewhere', pid: 1, started: null, leaseTime: 50, beat: '0' };
    memory.records.push({ key: Buffer.from('o'), value: Buffer.from(JSON.stringify(owner)) });
    const reasons: string[] = [];
    const taken = await open(memory, { waiting: (reason: string) => reasons.push(reason) });
    expect(reasons).toEqual(['waiting for changelog in memory, which is in use by process 1 of elsewhere']);
    await expect(open(memory, { takeover: 'wait' })).rejects.toThrow('another stream of this process');
    const forced = await open(memory, { takeover: 'force' });
    await expect(settle(taken.save(batch(10)))).rejects.toThrow(FencedError);
    await settle(taken.close());
    await settle(forced.save(batch(10)));
    await settle(forced.close());
  });

  it('appends what is asked for in the very turn in which a transaction ends', async () => {
    const memory: ChangelogMemory = { records: [] };
    const changelog = memoryChangelog(memory);
    await changelog.take();
    const writer = new ChangelogWriter(changelog);
    const record = { key: Buffer.from('p'), value: null };
    for (let depth = 0; depth < 8; depth++) {
      let later: Promise<void> | undefined;
      let turns: Promise<void> = writer.append([record]);
      for (let i = 0; i < depth; i++) turns = turns.then(() => {});
      await turns.then(() => {
        later = writer.append([record]);
      });
      await later;
    }
    expect(memory.records).toHaveLength(16);
  });

  it('refuses all that is asked for after a failure, each in its turn, and leaves the owner nothing', async () => {
    const memory: ChangelogMemory = { records: [] };
    let fails = false;
    const session = await open(
      memory,
      {},
      memoryChangelog(memory, () => (fails ? new Error('no') : undefined)),
    );
    fails = true;
    await expect(settle(session.save(batch(10)))).rejects.toThrow(CheckpointError);
    const both = await Promise.allSettled([settle(session.save(batch(20))), settle(session.save(batch(30)))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await settle(session.close());
    // Others need not wait for its lease.
    expect(memory.records.at(-1)).toEqual({ key: Buffer.from('o'), value: null });
    const elsewhere = await open(memory, { takeover: 'refuse' });
    await settle(elsewhere.close());
  });

  it('is closed though an append never settles', async () => {
    const memory: ChangelogMemory = { records: [] };
    const changelog = memoryChangelog(memory);
    const session = await open(memory, {}, {
      ...changelog,
      append: (records, others) =>
        records.some(({ key }) => key[0] === 0x70) ? new Promise(() => {}) : changelog.append(records, others),
    } as typeof changelog);
    void settle(session.save(batch(10))).catch(() => {});
    await settle(session.close());
  }, 30_000);

  it('shows signs of life while it saves nothing', async () => {
    const memory: ChangelogMemory = { records: [] };
    const session = await open(memory, { leaseTime: 25 });
    while (memory.records.length < 4) await sleep(5);
    await settle(session.close());
    expect(memory.records.every(({ key }) => key.toString() === 'o')).toBe(true);
    expect(memory.records.at(-1)?.value).toBeNull();
  });

  it('is read from its beginning by a standby that slept for so long that tombstones are gone', async () => {
    const memory: ChangelogMemory = { records: [] };
    let now = 0;
    const image = new ChangelogImage(memoryChangelog(memory), () => now);
    const session = await open(memory);
    await settle(session.save(batch(10, [session.encode(change([['a', 1]]))])));
    await image.catchUp();
    await settle(session.save(batch(20, [session.encode(change([['b', 2]], ['a']))])));
    compact(memory);
    now += 24 * 3_600_000;
    await image.catchUp();
    await image.decode();
    expect([...(image.restored?.state('counts')?.entries() ?? [])]).toEqual([['b', 2]]);
    await settle(session.close());
  });

  it('lets others have their turn while a large state is restored', async () => {
    const memory: ChangelogMemory = { records: [] };
    const first = await open(memory);
    const all = Array.from({ length: 60_000 }, (_, i): [string, unknown] => [
      `key${i}`,
      { number: i, text: `of ${i}` },
    ]);
    await settle(first.save(batch(10, [first.encode(change(all))])));
    await settle(first.close());
    const image = new ChangelogImage(memoryChangelog(memory));
    await image.catchUp();
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await image.decode();
    clearImmediate(next);
    expect(turns).toBeGreaterThan(2);
    expect([...(image.restored?.state('counts')?.entries() ?? [])]).toEqual(all);
  });

  it('is taken at once by a member of a group, which says who it is with what it appends first', async () => {
    const memory: ChangelogMemory = { records: [] };
    const owners = () => memory.records.filter(({ key }) => key.toString() === 'o');
    const first = await open(memory);
    const by = { task: '3', memberId: 'm', generation: 2 };
    const changelog = memoryChangelog(memory);
    const second = await open(memory, { by }, changelog);
    await expect(settle(first.save(batch(10)))).rejects.toThrow(FencedError);
    // Of a task that is given back at once there is nothing to say.
    expect(owners()).toHaveLength(1);
    await settle(second.save(batch(20)));
    expect([changelog.appends, owners().length]).toEqual([1, 2]);
    await settle(second.save(batch(30)));
    expect(owners()).toHaveLength(2);
    await expect(open(memory, { takeover: 'refuse' })).rejects.toThrow('in use by another stream of this process');
    await Promise.all([settle(first.close()), settle(second.close())]);
    expect(memory.records.at(-1)).toEqual({ key: Buffer.from('o'), value: null });
  });

  it('is taken from nobody by an opening that was given up while it read', async () => {
    const memory: ChangelogMemory = { records: [] };
    const owner = await open(memory);
    await settle(owner.save(batch(10)));
    const given = new AbortController();
    const late = memoryChangelog(memory);
    const read: Changelog['read'] = (...how) => {
      given.abort();
      return late.read(...how);
    };
    const by = { memberId: 'late', generation: 1 };
    await expect(open(memory, { by, signal: given.signal }, { ...late, read })).rejects.toThrow(/aborted/);
    await settle(owner.save(batch(20)));
    await settle(owner.close());
  });

  it('writes nothing for a member of a group that saves nothing', async () => {
    const memory: ChangelogMemory = { records: [] };
    await settle((await open(memory, { by: { task: '3', memberId: 'm', generation: 2 } })).close());
    expect(memory.records).toEqual([]);
  });

  it('refuses what it cannot read, and names it', async () => {
    for (const [record, message] of [
      [{ key: Buffer.from('x'), value: null }, 'no record of a checkpoint begins with byte 120'],
      [{ key: Buffer.from('p'), value: Buffer.from('{"format":2}') }, 'only format 1 can be read'],
      [{ key: Buffer.from('p'), value: Buffer.from('{') }, 'a record cannot be read'],
    ] as const) {
      const opened = open({ records: [record] });
      await expect(opened).rejects.toThrow(CorruptCheckpointError);
      await expect(opened).rejects.toThrow(message);
    }
  });

  it('can drop a state of which an entry is damaged', async () => {
    const memory: ChangelogMemory = { records: [] };
    const session = await open(memory);
    await settle(session.save(batch(10, [session.encode(change([['a', 1]]))])));
    await settle(session.close());
    const entry = memory.records.find(({ key }) => key[0] === 0x65) as { value: Buffer };
    entry.value.fill(0, 6);
    const again = await open(memory);
    const state = again.restored?.state('counts');
    expect(() => [...(state?.entries() ?? [])]).toThrow('an entry of state "counts" cannot be read');
    await settle(again.save(batch(20, [], { dropped: ['counts'] })));
    await settle(again.close());
    compact(memory);
    expect(memory.records.map(({ key }) => key.toString())).toEqual(['p']);
    await settle(
      ((await firstValueFrom(checkpointOver(memory).open() as never)) as Awaited<ReturnType<typeof open>>).close(),
    );
  });

  describe('of which records are damaged', () => {
    async function written(): Promise<ChangelogMemory> {
      const memory: ChangelogMemory = { records: [] };
      const session = await open(memory);
      for (const time of [10, 20]) {
        const entries = ['a', 'b', 'c'].map((key) => [key, time] as const);
        await settle(session.save(batch(time, [session.encode(change(entries))])));
      }
      await settle(session.plan({ time: 30, zeroTime: 0, interval: 10, ranges: {} }));
      await settle(session.close());
      return memory;
    }
    async function exported(memory: ChangelogMemory) {
      const found: Damage[] = [];
      const damageObserver = { next: (damage: Damage) => void found.push(damage) };
      const lines: string[] = [];
      const options = { skipDamaged: true, damageObserver };
      for await (const line of exportCheckpoint(checkpointOver(memory), undefined, options)) lines.push(line);
      return { lines, found };
    }
    const last = (memory: ChangelogMemory, key: string) =>
      memory.records.findLast((record) => record.value && record.key.toString('latin1').endsWith(key)) as {
        value: Buffer;
      };

    it('is exported without the entry whose last value cannot be read, and not with an older one', async () => {
      for (const damage of [(value: Buffer) => value.fill(0, 6), (value: Buffer) => value.subarray(0, 3)]) {
        const memory = await written();
        const record = last(memory, 'b');
        record.value = damage(record.value);
        const { lines, found } = await exported(memory);
        expect(lines[0]).toContain('"time":20');
        expect(lines.slice(2)).toEqual(['{"key":"a","state":20}', '{"key":"c","state":20}']);
        expect(found).toEqual([expect.objectContaining({ state: 'counts', key: 'b' })]);
      }
    });

    it('is exported without progress where that is lost, and without plans where one may be', async () => {
      const memory = await written();
      last(memory, 'p').value.fill(0);
      const { lines, found } = await exported(memory);
      expect(lines).toHaveLength(4);
      expect(lines[0]).toContain('"dstream":"state"');
      expect(found.map(({ reason }) => reason)).toContain('its progress is lost: the states come without it');

      const other = await written();
      last(other, 'b30').value.fill(0);
      expect(JSON.parse((await exported(other)).lines[0] ?? '')).toMatchObject({ time: 20, planned: [] });
      expect(JSON.parse((await exported(await written())).lines[0] ?? '').planned).toHaveLength(1);
    });

    it('is exported without a state of which it cannot be read what it is, and without what is no record of it', async () => {
      const memory = await written();
      last(memory, 'scounts').value.fill(0);
      memory.records.push({ key: Buffer.from('x'), value: null });
      const { lines, found } = await exported(memory);
      expect(lines).toEqual([expect.stringContaining('"dstream":"progress"')]);
      expect(found.map(({ state, reason }) => [state, reason])).toEqual([
        ['counts', expect.stringContaining('a record cannot be read')],
        [undefined, expect.stringContaining('no record of a checkpoint begins with byte 120')],
        ['counts', 'what the state is cannot be read: it is left out with its 3 keys'],
      ]);
    });

    it('has no plans, and says what may be older, where it cannot be read what a record was of', async () => {
      const memory = await written();
      await settle(
        (async () => {
          const session = await open(memory);
          await settle(session.plan({ time: 40, zeroTime: 0, interval: 10, ranges: {} }));
          await settle(session.close());
        })(),
      );
      const record = memory.records.findLast(({ key, value }) => value && key.toString('latin1').endsWith('b30'));
      if (record) (record as { key: Buffer }).key = Buffer.from('x');
      const { lines, found } = await exported(memory);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ time: 20, planned: [] });
      expect(found.map(({ reason }) => reason)).toEqual([expect.stringContaining('a key may have an older value')]);
    });

    it('says how to go on, and is whole where nothing is damaged', async () => {
      expect((await exported(await written())).found).toEqual([]);
      const memory = await written();
      last(memory, 'b').value.fill(0, 6);
      const session = await open(memory);
      expect(() => [...(session.restored?.state('counts')?.entries() ?? [])]).toThrow(
        '; `exportCheckpoint` with `skipDamaged` reads the rest',
      );
      await settle(session.close());
    });
  });
});
