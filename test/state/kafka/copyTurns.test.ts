import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { followChangelog } from '../../../src/state/kafka/changelogFollower.js';
import { CopyTurns } from '../../../src/state/kafka/copyTurns.js';
import type { LocalCopies, LocalCopy } from '../../../src/state/kafka/localCopy.js';
import { SparseLog } from '../../support/sparseLog.js';

/** A copy that keeps nothing. */
function noCopies(location: string): LocalCopies {
  const copy: LocalCopy = {
    bytes: 0,
    mark: () => undefined,
    read: async () => {},
    own: async () => {},
    write: async () => {},
    close: async () => {},
  };
  const open = async () => copy;
  return { location, hold: () => async () => {}, ready: async () => {}, exists: async () => false, open, renew: open };
}

describe('copies that begin at once', () => {
  it('are read from the beginning two at a time', async () => {
    const abort = new AbortController();
    const now = { opening: 0, building: 0 };
    const most = { ...now };
    const during = async <T>(what: keyof typeof now, work: () => Promise<T>): Promise<T> => {
      now[what]++;
      most[what] = Math.max(most[what], now[what]);
      await sleep(2);
      return work().finally(() => now[what]--);
    };
    const looked = new Set<number>();
    const following = Array.from({ length: 8 }, (_, i) => {
      const changelog = new SparseLog().open();
      const open = () => ({
        ...changelog,
        describe: () => during('opening', () => changelog.describe()),
        // A copy that is whole looks at what is new, whoever has the turn.
        read: (...args: Parameters<typeof changelog.read>) =>
          looked.has(i) ? changelog.read(...args) : during('building', () => changelog.read(...args)),
      });
      const copies = noCopies(`copy ${i}`);
      return followChangelog({ open, copies, signal: abort.signal, looked: () => looked.add(i) });
    });
    await vi.waitUntil(() => looked.size === 8, { timeout: 5_000, interval: 1 });
    abort.abort();
    await Promise.all(following);
    expect(most.opening).toBe(2);
    expect(most.building).toBe(2);
  });

  it('are written in slices of a turn that all of them have together', async () => {
    const abort = new AbortController();
    const writeMs = 4;
    const written: number[] = [];
    let turn = 0;
    let ticking = setImmediate(function tick() {
      turn++;
      ticking = setImmediate(tick);
    });
    const all = Array.from({ length: 30 }, (_, i) => {
      const copies = noCopies(`slice ${i}`);
      const write: LocalCopy['write'] = async () => {
        const end = performance.now() + writeMs;
        while (performance.now() < end);
        written.push(turn);
      };
      const opened = async () => ({ ...(await copies.open()), write });
      const log = new SparseLog();
      const looked = { count: 0 };
      const following = followChangelog({
        ...{ open: () => log.open(), signal: abort.signal, looked: () => looked.count++ },
        copies: { ...copies, open: opened, renew: opened },
      });
      return { log, looked, following };
    });
    // Each has been whole once: from now on they look at the same moments.
    await vi.waitUntil(() => all.every(({ looked }) => looked.count > 1), { timeout: 20_000, interval: 1 });
    written.length = 0;
    const record = { key: Buffer.from('a'), value: Buffer.from('b') };
    for (const { log } of all) log.records.push({ offset: log.end++, at: Date.now(), record });
    await vi.waitUntil(() => written.length >= all.length, { timeout: 20_000, interval: 1 });
    abort.abort();
    await Promise.all(all.map(({ following }) => following));
    clearImmediate(ticking);
    const counts = new Map<number, number>();
    for (const one of written) counts.set(one, (counts.get(one) ?? 0) + 1);
    // A slice has 8 ms.
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(3);
  });

  it('wait neither for one that hangs nor when they are left', async () => {
    const turns = new CopyTurns(1);
    const { signal } = new AbortController();
    const end = await turns.take(signal, 5);
    const left = new AbortController();
    const leaving = turns.take(left.signal);
    left.abort();
    (await leaving)();
    const second = await turns.take(signal);
    end();
    const told: string[] = [];
    const third = turns.take(signal).then((done) => {
      told.push('third');
      return done;
    });
    await sleep(0);
    expect(told).toEqual([]);
    second();
    (await third)();
  });
});
