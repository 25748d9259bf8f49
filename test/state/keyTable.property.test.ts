import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key } from '../../src/batch/key.js';
import { KeyTable } from '../../src/state/keyTable.js';
import { propertySettings } from '../property/settings.js';

/** Every `stride`th of `count` keys, from `from` on. */
interface Range {
  readonly from: number;
  readonly count: number;
  readonly stride: number;
}

type Step =
  | { readonly do: 'set' | 'get' | 'has' | 'delete'; readonly key: Key }
  | { readonly do: 'prepare'; readonly keys: readonly Key[] }
  | { readonly do: 'iterate' }
  /** So many entries of one of the iterations that were begun; each may be set, deleted, or both. */
  | {
      readonly do: 'next';
      readonly which: number;
      readonly count: number;
      readonly then: 'set' | 'delete' | 'again' | '';
    }
  | { readonly do: 'setRange' | 'deleteRange' | 'getRange'; readonly range: Range }
  /** Keys that were prepared while others go. */
  | { readonly do: 'getWhile'; readonly range: Range; readonly deleted: Range };

const small: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(NaN, -0, 0.5, 1n, 2n ** 70n, true, false, null, '', '1', 'null'),
  fc.integer({ min: 0, max: 20 }).map((i) => `key ${i}`),
);

const next = (most: number) =>
  fc.record({
    do: fc.constant('next' as const),
    which: fc.nat(9),
    count: fc.integer({ min: 1, max: most }),
    // biome-ignore lint/suspicious/noThenProperty: no promise is about
    then: fc.constantFrom('', '', 'set', 'delete', 'again'),
  });

const single = (key: fc.Arbitrary<Key>): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({ do: fc.constantFrom('set', 'set', 'get', 'has', 'delete'), key }),
    fc.record({ do: fc.constant('prepare' as const), keys: fc.array(key, { maxLength: 10 }) }),
    fc.constant({ do: 'iterate' as const }),
    next(4),
  ) as fc.Arbitrary<Step>;

const range: fc.Arbitrary<Range> = fc.record({
  from: fc.nat(20_000),
  count: fc.integer({ min: 1, max: 10_000 }),
  stride: fc.integer({ min: 1, max: 4 }),
});

const bulk = fc.oneof(
  fc.record({ do: fc.constantFrom('setRange', 'setRange', 'deleteRange', 'getRange'), range }),
  fc.record({ do: fc.constant('getWhile' as const), range, deleted: range }),
  fc.constant({ do: 'iterate' as const }),
  next(9_000),
) as fc.Arbitrary<Step>;

/** Does the same with a table and a map, and looks whether they differ. */
class Pair {
  readonly #map = new Map<Key, number>();
  readonly #table: KeyTable<Key, number>;
  readonly #iterations: (readonly [Iterator<[Key, number]>, Iterator<[Key, number]>])[] = [];
  #value = 0;

  constructor(hash?: { of(key: Key): number }) {
    this.#table = new KeyTable<Key, number>([], hash);
  }

  do(step: Step): void {
    switch (step.do) {
      case 'prepare':
        this.#table.prepare(step.keys);
        break;
      case 'iterate':
        this.#iterations.push([this.#table.entries(), this.#map.entries()]);
        break;
      case 'next':
        this.#next(step);
        break;
      case 'setRange':
        for (const key of keysOf(step.range)) this.#set(key);
        break;
      case 'deleteRange':
        for (const key of keysOf(step.range)) this.#delete(key);
        break;
      case 'getRange':
        this.#table.prepare(keysOf(step.range));
        for (const key of keysOf(step.range)) this.#same(this.#table.get(key), this.#map.get(key));
        break;
      case 'getWhile':
        this.#getWhile(keysOf(step.range), keysOf(step.deleted));
        break;
      case 'set':
        this.#set(step.key);
        break;
      case 'delete':
        this.#delete(step.key);
        break;
      default:
        this.#same(this.#table[step.do](step.key), this.#map[step.do](step.key));
    }
    this.#same(this.#table.size, this.#map.size);
  }

  end(): void {
    for (const [table, map] of this.#iterations) {
      for (let done = false; !done; ) done = this.#step(table, map) === undefined;
    }
    expect([...this.#table]).toEqual([...this.#map]);
    for (const [key, value] of this.#map) this.#same(this.#table.get(key), value);
  }

  #getWhile(keys: readonly string[], deleted: readonly string[]): void {
    this.#table.prepare(keys);
    const begun = Math.ceil(keys.length / 10);
    for (const [i, key] of keys.entries()) {
      if (i === begun) for (const other of deleted) this.#delete(other);
      this.#same(this.#table.get(key), this.#map.get(key));
    }
  }

  #next({ which, count, then }: Step & { do: 'next' }): void {
    const iteration = this.#iterations[which % this.#iterations.length];
    for (let i = 0; iteration && i < count; i++) {
      const given = this.#step(...iteration);
      if (!given) return;
      if (then === 'set') this.#set(given[0]);
      if (then === 'delete' || then === 'again') this.#delete(given[0]);
      if (then === 'again') this.#set(given[0]);
    }
  }

  #step(table: Iterator<[Key, number]>, map: Iterator<[Key, number]>): [Key, number] | undefined {
    const [a, b] = [table.next(), map.next()];
    this.#same(a.done, b.done);
    if (a.done || b.done) return undefined;
    this.#same(a.value[0], b.value[0]);
    this.#same(a.value[1], b.value[1]);
    return a.value;
  }

  #set(key: Key): void {
    this.#table.set(key, ++this.#value);
    this.#map.set(key, this.#value);
  }

  #delete(key: Key): void {
    this.#same(this.#table.delete(key), this.#map.delete(key));
  }

  /** `expect` for each of millions would take most of the time. */
  #same(table: unknown, map: unknown): void {
    if (!Object.is(table, map)) expect(table).toBe(map);
  }
}

function keysOf({ from, count, stride }: Range): string[] {
  return Array.from({ length: count }, (_, i) => `key ${from + i * stride}`);
}

const run = (steps: readonly Step[], hash?: { of(key: Key): number }) => {
  const pair = new Pair(hash);
  for (const step of steps) pair.do(step);
  pair.end();
};

describe('KeyTable, as a Map', () => {
  it('with few keys of all kinds', () => {
    const steps = fc.array(single(small), { maxLength: 150 });
    fc.assert(
      fc.property(steps, (all) => run(all)),
      propertySettings(),
    );
  });

  it('with hashes that collide', () => {
    const steps = fc.array(single(small), { maxLength: 150 });
    const hash = { of: (key: Key) => -(String(key).length % 3) };
    fc.assert(
      fc.property(steps, (all) => run(all, hash)),
      propertySettings(),
    );
  });

  it('with keys enough for many shards and chunks', () => {
    const steps = fc.array(bulk, { minLength: 5, maxLength: 25 });
    fc.assert(
      fc.property(steps, (all) => run(all)),
      propertySettings(100),
    );
  });
});
