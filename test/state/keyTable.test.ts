import { describe, expect, it } from 'vitest';
import type { Key } from '../../src/batch/key.js';
import { KeyTable } from '../../src/state/keyTable.js';

const all = <K extends Key, S>(table: KeyTable<K, S>) => [...table];

describe('KeyTable', () => {
  it('has keys of each type, equal as in a Map', () => {
    const keys: Key[] = [
      '',
      'a',
      'ab',
      'abc',
      '1',
      0,
      1,
      -1,
      0.5,
      NaN,
      Infinity,
      2 ** 40,
      0n,
      1n,
      -1n,
      2n ** 64n,
      2n ** 64n + 1n,
    ];
    keys.push(true, false, null, 'null', 'true', '\ud83d\ude00');
    const table = new KeyTable<Key, number>(keys.map((key, i) => [key, i]));
    expect(table.size).toBe(keys.length);
    expect(all(table)).toEqual(keys.map((key, i) => [key, i]));
    for (const [i, key] of keys.entries()) {
      table.get('elsewhere');
      expect(table.get(key)).toBe(i);
    }
    expect(table.has('absent')).toBe(false);
  });

  it('takes -0 for 0 and NaN for NaN', () => {
    const table = new KeyTable<number, string>([[-0, 'zero']]);
    expect(Object.is(all(table)[0]?.[0], 0)).toBe(true);
    table.set(NaN, 'none');
    table.set(0, 'nought');
    table.set(-0, 'null');
    table.set(NaN, 'still none');
    expect(all(table)).toEqual([
      [0, 'null'],
      [NaN, 'still none'],
    ]);
    table.prepare([NaN, -0]);
    expect([table.get(NaN), table.get(-0)]).toEqual(['still none', 'null']);
    expect([table.delete(NaN), table.delete(0), table.size]).toEqual([true, true, 0]);
  });

  it('keeps keys that all have one hash apart', () => {
    const table = new KeyTable<string, number>([], { of: () => -1 });
    for (let i = 0; i < 500; i++) table.set(`key ${i}`, i);
    for (let i = 0; i < 500; i += 2) table.delete(`key ${i}`);
    const keys = Array.from({ length: 500 }, (_, i) => `key ${i}`);
    table.prepare(keys);
    expect(keys.map((key) => table.get(key))).toEqual(keys.map((_, i) => (i % 2 === 0 ? undefined : i)));
  });

  it('takes any number of keys, gives them in their order, and again when there are few of them left', () => {
    const count = 200_000;
    const table = new KeyTable<string, number>();
    for (let i = 0; i < count; i++) table.set(`key ${i}`, i);
    expect(table.size).toBe(count);
    let expected = 0;
    for (const [key, value] of table) {
      if (key !== `key ${expected}` || value !== expected) expect.fail(`${key} has ${value}, and is at ${expected}`);
      expected++;
    }
    expect(expected).toBe(count);
    for (let i = 0; i < count; i++) if (i % 1_000 !== 7) table.delete(`key ${i}`);
    expect(all(table)).toEqual(
      Array.from({ length: count / 1_000 }, (_, i) => [`key ${1_000 * i + 7}`, 1_000 * i + 7]),
    );
    for (let i = 0; i < count; i++) table.set(`key ${i}`, -i);
    expect(table.get('key 7')).toBe(-7);
    expect(all(table)[200]).toEqual(['key 0', -0]);
    expect(table.size).toBe(count);
  });

  it('gives its places free when keys go: those that leave in the order of their coming, and those that come again', () => {
    const table = new KeyTable<number, number>();
    const places = () => table.capacity;
    for (let i = 0; i < 300_000; i++) {
      table.set(i, i);
      if (i >= 1_000) table.delete(i - 1_000);
    }
    expect(table.size).toBe(1_000);
    expect(places()).toBeLessThan(20_000);
    for (let i = 0; i < 300_000; i++) {
      const key = 299_000 + ((i * 7) % 1_000);
      table.delete(key);
      table.set(key, i);
    }
    expect(table.size).toBe(1_000);
    expect(places()).toBeLessThan(20_000);
    for (let i = 0; i < 100_000; i++) table.set(-i - 1, i);
    for (let i = 0; i < 100_000; i++) if (i % 100 > 0) table.delete(-i - 1);
    expect(table.size).toBe(2_000);
    expect(places()).toBeLessThan(20_000);
    for (const [key] of table) table.delete(key);
    expect(places()).toBeLessThan(10_000);
  });

  it('gives chunks free as they become empty', () => {
    const table = new KeyTable<number, number>();
    let most = 0;
    for (let i = 0; i < 200_000; i++) {
      table.set(i, i);
      if (i >= 12_200) table.delete(i - 12_200);
      if (i % 50 === 0) most = Math.max(most, table.capacity);
    }
    // Chunks have 4,096 entries: of 12,200 that follow each other, four at most.
    expect(most).toBe(4 * 4_096);
  });

  it('goes on where it was when what it has given goes and the gaps are closed up', () => {
    const table = new KeyTable<number, number>();
    for (let i = 0; i < 50_000; i++) table.set(i, i);
    const entries = table.entries();
    for (let i = 0; i < 20_000; i++) entries.next();
    for (let i = 0; i < 50_000; i++) if (i % 50 > 0) table.delete(i);
    table.set(1, 1);
    const given = [...entries].map(([key]) => key);
    expect(given).toEqual([...Array.from({ length: 600 }, (_, i) => 20_000 + 50 * i), 1]);
    expect(entries.next()).toEqual({ done: true, value: undefined });
  });

  it('gives what was prepared when gaps are closed up in between', () => {
    const table = new KeyTable<number, number>();
    for (let i = 0; i < 20_000; i++) table.set(i, i);
    const kept = Array.from({ length: 2_000 }, (_, i) => 10 * i);
    table.prepare(kept);
    expect(table.get(0)).toBe(0);
    for (let i = 0; i < 20_000; i++) if (i % 10 > 0) table.delete(i);
    expect(kept.slice(1).map((key) => table.get(key))).toEqual(kept.slice(1));
  });

  it('gives what was prepared, and what was not, also when keys come and go in between', () => {
    const table = new KeyTable<number, string>();
    for (let i = 0; i < 30_000; i++) table.set(i, `${i}`);
    const keys = Array.from({ length: 10_000 }, (_, i) => (i * 7_919) % 40_000);
    keys.push(...keys.slice(0, 3_000));
    const expected = new Map(table);
    table.prepare(keys);
    for (const [i, key] of keys.entries()) {
      if (i % 100 === 50) expect(table.get(3)).toBe(expected.get(3));
      expect(table.get(key)).toBe(expected.get(key));
      if (i % 3 === 0) expect(table.delete(key)).toBe(expected.delete(key));
      if (i % 5 === 0) {
        table.set(key, `new ${i}`);
        expected.set(key, `new ${i}`);
      }
      // A key that is prepared, and goes before its turn.
      const later = keys[i + 10];
      if (i % 7 === 0 && later !== undefined) expect(table.delete(later)).toBe(expected.delete(later));
    }
    expect(all(table)).toEqual([...expected]);
  });
});
