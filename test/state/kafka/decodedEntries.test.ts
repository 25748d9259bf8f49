import { serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntries, type EncodedEntry } from '../../../src/state/kafka/decodedEntries.js';
import { keyToBytes } from '../../../src/storage/keyBytes.js';
import { stateToBytes } from '../../../src/storage/stateBytes.js';
import { propertySettings } from '../../property/settings.js';

const nameOf = (key: string | number) => keyToBytes(key).toString('latin1');
/** In the middle of other bytes. */
const encoded = (number: number, state: Buffer): EncodedEntry => {
  return {
    number,
    bytes: Buffer.concat([Buffer.from('x,'), state, Buffer.from(',y')]),
    start: 2,
    end: 2 + state.length,
  };
};

describe('the entries of a state of a changelog', () => {
  it('come in the order of their numbers, however they were written', async () => {
    const entry = fc.record({
      key: fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true }), fc.string()),
      // Up to six bytes: a number with a place behind it may be too large to be sorted by.
      number: fc.oneof(fc.nat(5_000), fc.integer({ min: 2 ** 47, max: 2 ** 48 - 1 })),
      state: fc.oneof(
        fc.integer(),
        fc.string({ unit: 'binary' }),
        fc.constant(undefined),
        fc.dictionary(fc.string(), fc.nat()),
      ),
      isOld: fc.boolean(),
    });
    const entries = fc.uniqueArray(entry, { selector: ({ key }) => nameOf(key), maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(entries, fc.boolean(), async (all, release) => {
        const numbered = [...new Map(all.map((one) => [one.number, one])).values()];
        const bytes = ({ state, isOld }: (typeof all)[number]) => (isOld ? serialize(state) : stateToBytes(state));
        const map = new Map(numbered.map((one) => [nameOf(one.key), encoded(one.number, bytes(one))]));
        const { entries, numbers } = await decodeEntries(map, release);
        const inOrder = [...numbered].sort((a, b) => a.number - b.number);
        const zero = (key: string | number) => (key === 0 ? 0 : key);
        expect(entries).toEqual(inOrder.map(({ key, state }) => [zero(key), state]));
        expect(new Map([...numbers].map(([key, { number }]) => [key, number]))).toEqual(
          new Map(numbered.map(({ key, number }) => [nameOf(key), number])),
        );
        // What is kept of each is its number alone.
        expect(numbers === (map as unknown)).toBe(release);
        if (release) expect([...numbers.values()].every((one) => Object.keys(one).join() === 'number')).toBe(true);
      }),
      propertySettings(30),
    );
  });

  it.each(['1,2', '', '{"a":', '\u00ff'])(
    'one that cannot be read (%j) is an error, and the others are there',
    async (text) => {
      const states = Array.from({ length: 1_000 }, (_, i) => Buffer.from(i === 700 ? text : String(i), 'latin1'));
      const map = new Map(states.map((state, i) => [nameOf(i), encoded(i, state)]));
      const { entries, numbers } = await decodeEntries(map, true);
      expect(entries[700]).toBeInstanceOf(Error);
      expect(entries.filter((entry) => !(entry instanceof Error))).toEqual(
        states.flatMap((_, i) => (i === 700 ? [] : [[i, i]])),
      );
      expect(numbers.size).toBe(1_000);
    },
  );
});
