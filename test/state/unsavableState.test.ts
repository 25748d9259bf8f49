import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Checkpoint,
  type DStreamError,
  foreachBatch,
  fromBatches,
  memoryCheckpoint,
  type Pair,
  queryable,
  updateStateByKey,
} from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';

// What is saved must come back as it was. A state that cannot is refused when it is saved, not found out after a restart.

const directory = () => mkdtempSync(join(tmpdir(), 'dstream-unsavable-'));
const stores: Readonly<Record<string, () => Checkpoint>> = {
  memoryCheckpoint,
  fileCheckpoint: () => fileCheckpoint(directory()),
  lmdbCheckpoint: () => lmdbCheckpoint(directory()),
  'lmdbCheckpoint with cacheKeys': () => lmdbCheckpoint(directory(), { cacheKeys: 1 }),
};

class Counter {
  n = 0;
  add(count: number): void {
    this.n += count;
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}

/** Runs `batches` batches in which key `a` gets this state; returns the states that the last one had. */
async function save(checkpoint: Checkpoint, state: unknown, batches = 1): Promise<readonly unknown[]> {
  const last: unknown[] = [];
  const records = Array.from({ length: batches }, (): Pair<string, number>[] => [['a', 1]]);
  const stream = fromBatches(records, { interval: 5, checkpoint }).pipe(
    updateStateByKey((_, before: unknown) => before ?? state, { id: 's', call: 'touched' }),
    foreachBatch((pairs) => {
      last.length = 0;
      for (const [, value] of pairs) last.push(value);
    }),
  );
  await lastValueFrom(stream);
  return last;
}

describe.each(Object.entries(stores))('%s', (_, make) => {
  it.each([
    ['a class instance', new Counter(), /class Counter/],
    ['a class instance inside', { list: [1, new Counter()] }, /\.list\[1\]/],
    ['a subclass of Map', new (class Counts extends Map<string, number> {})(), /Counts/],
    ['a function', { render: () => 'x' }, /\.render/],
    ['a promise', { later: Promise.resolve(1) }, /\.later/],
    ['a symbol', [Symbol('x')], /\[0\]/],
    ['too deep a nesting', nested(1_200), /nested/],
  ])('refuses %s with operator, id and key', async (__, state, rule) => {
    const failure = await save(make(), state).catch((error: unknown) => error as DStreamError);
    expect(failure).toMatchObject({
      name: 'InvalidStateError',
      code: 'INVALID_STATE',
      retriable: false,
      operator: 'updateStateByKey',
      id: 's',
      key: 'a',
    });
    expect((failure as DStreamError).message).toMatch(rule);
  });

  it('restores the deepest state that it saves', async () => {
    const checkpoint = make();
    await save(checkpoint, nested(1_000));
    expect(await save(checkpoint, 'not restored', 2)).toEqual([nested(1_000)]);
  });

  it('saves plain data, built-in objects and shared or circular references', async () => {
    const shared = { x: 1 };
    const circle: Record<string, unknown> = { shared, again: shared };
    circle.self = circle;
    const state = {
      date: new Date(5),
      map: new Map([[1, new Set(['a'])]]),
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from('ab'),
      big: 5n,
      pattern: /x/g,
      error: new TypeError('no'),
      boxed: Object(1),
      bare: Object.assign(Object.create(null), { y: 2 }),
      circle,
    };
    await expect(save(make(), state)).resolves.toBeDefined();
  });
});

it.each([
  ['memoryCheckpoint', memoryCheckpoint],
  ['fileCheckpoint', () => fileCheckpoint(directory())],
])('refuses what only copying shows, such as a Proxy: %s', async (_, make) => {
  await expect(save(make(), { list: new Proxy([1], {}) })).rejects.toMatchObject({ code: 'INVALID_STATE', key: 'a' });
});

it('walks a state once, however often it is referred to', async () => {
  let state: unknown = 1;
  for (let i = 0; i < 100; i++) state = [state, state];
  await expect(save(memoryCheckpoint(), state)).resolves.toBeDefined();
});

it('refuses what queries cannot copy, with no checkpoint too', async () => {
  const states = queryable<string, Counter>();
  const stream = fromBatches([[['a', 1] as Pair<string, number>]], { interval: 5 }).pipe(
    updateStateByKey((_, counter = new Counter()) => counter, { id: 's', queryable: states }),
    foreachBatch(() => {}),
  );
  await expect(lastValueFrom(stream)).rejects.toMatchObject({ code: 'INVALID_STATE', key: 'a' });
});

it('keeps a class instance where nothing is saved', async () => {
  const counts: number[] = [];
  const one: Pair<string, number>[] = [['a', 1]];
  const stream = fromBatches([one, one], { interval: 5 }).pipe(
    updateStateByKey((values, counter: Counter = new Counter()) => {
      counter.add(values.length);
      return counter;
    }),
    foreachBatch((pairs) => {
      for (const [, { n }] of pairs) counts.push(n);
    }),
  );
  await lastValueFrom(stream);
  expect(counts).toEqual([1, 2]);
});
