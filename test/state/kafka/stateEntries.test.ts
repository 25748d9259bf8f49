import { serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { placesByNumber } from '../../../src/state/kafka/placesByNumber.js';
import { StateEntries } from '../../../src/state/kafka/stateEntries.js';
import { keyFromBytes, keyToBytes } from '../../../src/storage/keyBytes.js';
import { LoopSlices } from '../../../src/storage/loopSlices.js';
import { stateFromBytes, stateToBytes } from '../../../src/storage/stateBytes.js';
import { propertySettings } from '../../property/settings.js';

/** Puts an entry, behind other bytes, all of which are overwritten afterwards. */
function put(entries: StateEntries, key: Buffer, number: number, state: Buffer): void {
  const [keys, states] = [Buffer.concat([Buffer.from('x,'), key]), Buffer.concat([Buffer.from('abc'), state])];
  entries.set(keys, 2, number, states, 3);
  keys.fill(0);
  states.fill(0);
}

/** Adds one of a copy, in the middle of other bytes. */
function add(entries: StateEntries, key: Buffer, number: number, state: Buffer): void {
  const keys = Buffer.concat([Buffer.from('x,'), key, Buffer.from(',y')]);
  const states = Buffer.concat([Buffer.from('abc'), state, Buffer.from('d')]);
  entries.add(keys, 2, 2 + key.length, number, states, 3, 3 + state.length);
  keys.fill(0);
  states.fill(0);
}

const anyKey = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
);
/** Up to six bytes. */
const anyNumber = fc.oneof(fc.nat(5_000), fc.integer({ min: 2 ** 47, max: 2 ** 48 - 1 }));
const anyState = fc.oneof(
  fc.integer(),
  fc.string({ unit: 'binary' }),
  fc.constant(undefined),
  fc.dictionary(fc.string(), fc.nat()),
  fc.string({ minLength: 250, maxLength: 270 }),
);

describe('the entries of a state of a changelog', () => {
  it('are the newest of each key, in the order of their numbers', async () => {
    const entry = fc.record({ key: anyKey, number: anyNumber, state: anyState, isOld: fc.boolean() });
    const entries = fc.uniqueArray(entry, { selector: ({ number }) => number, maxLength: 600 });
    const more = { copied: fc.nat(900), keys: fc.array(fc.nat(), { maxLength: 300 }), isRead: fc.boolean() };
    await fc.assert(
      fc.asyncProperty(entries, fc.record(more), async (all, { copied, keys, isRead }) => {
        const read = new StateEntries();
        const model = new Map<string, (typeof all)[number]>();
        const nameOf = ({ key }: (typeof all)[number]) => keyToBytes(key).toString('latin1');
        for (const [i, one] of all.entries()) {
          // The first ones are in a copy.
          const isCopied = i < copied && !model.has(nameOf(one));
          const bytes = one.isOld ? serialize(one.state) : stateToBytes(one.state);
          if (i < copied && !isCopied) continue;
          (isCopied ? add : put)(read, keyToBytes(one.key), one.number, bytes);
          model.set(nameOf(one), one);
          if (isCopied) continue;
          const gone = all[(keys[i] ?? all.length) % 600];
          if (!gone) continue;
          read.delete(keyToBytes(gone.key), 0);
          model.delete(nameOf(gone));
        }
        const expected = [...model.values()].sort((a, b) => a.number - b.number);
        const zero = (key: unknown) => (key === 0 ? 0 : key);
        if (isRead) {
          expect(read.size).toBe(model.size);
          const written = [...read.written()].sort((a, b) => a.number - b.number);
          expect(written.map(({ key, number, state }) => [key, number, stateFromBytes(state, state.length)])).toEqual(
            expected.map(({ key, number, state }) => [keyToBytes(key), number, state]),
          );
        }
        const { states, numbers, last, failure, unreadable } = await read.decode();
        expect([...states]).toEqual(expected.map(({ key, state }) => [zero(key), state]));
        expect([...(await numbers)].sort(([, a], [, b]) => a - b)).toEqual(
          expected.map(({ key, number }) => [zero(key), number]),
        );
        expect([last, failure, unreadable]).toEqual([expected.at(-1)?.number ?? 0, undefined, []]);
      }),
      propertySettings(60),
    );
  });

  it.each(['1,2', '', '{"a":', '\u00ff'])(
    'of which one cannot be read (%j) say so, and can be written',
    async (text) => {
      const entries = new StateEntries();
      for (let i = 0; i < 1_000; i++)
        put(entries, keyToBytes(i), i, Buffer.from(i === 700 ? text : String(i), 'latin1'));
      const { numbers, failure } = await entries.decode();
      expect(failure).toBeInstanceOf(Error);
      expect((await numbers).size).toBe(1_000);
      expect([...entries.written()][700]).toEqual({
        key: keyToBytes(700),
        number: 700,
        state: Buffer.from(text, 'latin1'),
      });
    },
  );

  it('of a copy are decoded in slices, while others write what is there', async () => {
    const entries = new StateEntries();
    const count = 40_000;
    for (let i = 0; i < count; i++) add(entries, keyToBytes(i), count - i, stateToBytes(i));
    for (let i = 0; i < count; i += 100) put(entries, keyToBytes(i), count - i, stateToBytes(i + 0.5));
    for (let i = 1; i < count; i += 100) entries.delete(keyToBytes(i), 0);
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    const decoding = entries.decode();
    await Promise.resolve();
    const expected = Array.from({ length: count }, (_, i) => [i, i % 100 === 0 ? i + 0.5 : i]).filter(
      ([i = 0]) => i % 100 !== 1,
    );
    const written = [...entries.written()].map(({ key, state }) => [
      keyFromBytes(key),
      stateFromBytes(state, state.length),
    ]);
    expect(written.sort(([a], [b]) => Number(a) - Number(b))).toEqual(expected);
    const { states, numbers, last } = await decoding;
    expect([...states]).toEqual([...expected].reverse());
    expect([last, (await numbers).size]).toEqual([count, expected.length]);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(1);
  });

  it('take bytes in proportion to what is there, however often they were written', async () => {
    const entries = new StateEntries();
    const blocks = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (let round = 1; round <= 400; round++) {
      // One that grows, others that come and go.
      put(entries, keyToBytes('grows'), 1, stateToBytes('x'.repeat(round * 100)));
      for (let i = 0; i < 50; i++) put(entries, keyToBytes(`${round}/${i}`), 2 + i, stateToBytes('y'.repeat(1_000)));
      for (let i = 0; i < 50; i++) entries.delete(keyToBytes(`${round}/${i}`), 0);
    }
    expect(entries.size).toBe(1);
    // Of a megabyte each; 20 were written.
    expect(blocks.mock.calls.filter(([size]) => size >= 1 << 20).length).toBeLessThan(4);
    blocks.mockRestore();
    expect([...(await entries.decode()).states]).toEqual([['grows', 'x'.repeat(40_000)]]);
  });

  it.each([0, 1, 600])('may be empty states alone, %i of them', async (count) => {
    const entries = new StateEntries();
    for (let i = 0; i < count; i++) put(entries, keyToBytes(i), i, Buffer.alloc(0));
    expect([...entries.written()].map(({ state }) => state.length)).toEqual(new Array(count).fill(0));
    expect((await entries.decode()).failure === undefined).toBe(count === 0);
  });

  it('are bytes until they are asked for where they are long, and read once', async () => {
    const entries = new StateEntries();
    const long = (i: number) => ({ count: i, text: 'x'.repeat(300) });
    for (let i = 0; i < 600; i++) add(entries, keyToBytes(i), i, stateToBytes(i % 3 === 0 ? long(i) : i));
    put(entries, keyToBytes(300), 300, Buffer.alloc(400, '{'));
    put(entries, keyToBytes(303), 303, serialize(new Map([['long', long(303)]])));
    const { states, failure } = await entries.decode((error) => new Error(`corrupt: ${error.message}`));
    expect([failure, states.size]).toEqual([undefined, 600]);
    expect([states.get(1), states.get(3), states.get(303)]).toEqual([1, long(3), new Map([['long', long(303)]])]);
    expect(states.get(3)).toBe(states.get(3));
    expect(() => states.get(300)).toThrow('corrupt: ');
    expect(() => [...states]).toThrow('corrupt: ');
    states.set(300, 'new');
    states.delete(6);
    const keys = Array.from({ length: 600 }, (_, i) => i).filter((i) => i !== 6);
    states.prepare(keys);
    expect(keys.map((key) => states.get(key))).toEqual([...states].map(([, state]) => state));
    expect([...states].map(([key]) => key)).toEqual(keys);
    expect([states.get(9), states.get(300), states.has(6)]).toEqual([long(9), 'new', false]);
    const [first] = states;
    expect(first).toEqual([0, long(0)]);
    expect(states.get(0)).toBe(first?.[1]);
  });

  it('keep a key that cannot be read as it is', async () => {
    const entries = new StateEntries();
    put(entries, keyToBytes('a'), 1, stateToBytes(1));
    const unknown = [Buffer.from('?\u00e9', 'latin1'), Buffer.from('!'), Buffer.alloc(0)];
    for (const [i, key] of unknown.entries()) put(entries, key, 2 + i, stateToBytes(i));
    entries.delete(Buffer.from('!'), 0);
    expect(entries.size).toBe(3);
    expect([...entries.written()].map(({ key, number }) => [key, number])).toEqual([
      [keyToBytes('a'), 1],
      [unknown[0], 2],
      [unknown[2], 4],
    ]);
    const { failure, unreadable } = await entries.decode();
    expect(failure?.message).toContain('no key begins with byte 63');
    expect(unreadable).toEqual(['?\u00e9', '']);
  });
});

describe('the places of numbers', () => {
  it('are those of the lowest first, without those below 0', async () => {
    const numbers = fc.array(fc.oneof(anyNumber, fc.constant(-1)), { maxLength: 20_000, size: 'max' });
    await fc.assert(
      fc.asyncProperty(numbers, fc.nat(10), async (all, unused) => {
        const column = Float64Array.from([...all, ...new Array(unused).fill(7)]);
        const places = [...all.keys()].filter((place) => (all[place] ?? -1) >= 0);
        const sorted = places.sort((a, b) => (all[a] ?? 0) - (all[b] ?? 0));
        expect([...(await placesByNumber(column, all.length, new LoopSlices()))]).toEqual(sorted);
      }),
      propertySettings(30),
    );
  });
});
