import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StateReader, stateFromBytes, stateToBytes } from '../../src/storage/stateBytes.js';
import { propertySettings } from '../property/settings.js';

it('gives back what the structured clone algorithm gives, whichever way it is written', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    maxDepth: 4,
  });
  fc.assert(
    fc.property(anything, fc.uint8Array({ maxLength: 20 }), (state, behind) => {
      const bytes = stateToBytes(state);
      const read = stateFromBytes(Buffer.concat([bytes, behind]), bytes.length);
      expect(read).toStrictEqual(deserialize(serialize(state)));
    }),
    propertySettings(),
  );
});

it('reads many as it reads one after the other, from bytes that are written over', () => {
  const state = fc.oneof(
    fc.jsonValue(),
    fc.anything({ withBigInt: true, withMap: true }),
    fc.uint8Array(),
    // Some that fill a block, or are longer than one.
    fc.integer({ min: 0, max: 80_000 }).map((length) => 'é'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(state), (states) => {
      const reader = new StateReader();
      for (const one of states) {
        const bytes = stateToBytes(one);
        const shared = Buffer.concat([bytes, Buffer.from('}')]);
        reader.add(shared, bytes.length);
        shared.fill(0);
      }
      expect(reader.states()).toStrictEqual(states.map((one) => deserialize(serialize(one))));
    }),
    propertySettings(500),
  );
});

it('writes plain data as JSON, and nothing else', () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const deep = Array.from({ length: 20 }).reduce((inner: unknown) => [inner], 1);
  const gap: unknown[] = [1];
  gap[2] = 3;
  const named = Object.assign([1], { name: 2 });
  class Point {
    x = 1;
  }
  for (const plain of [1, 'a', '\ud800', true, null, [], {}, { a: [1, { b: 'c' }] }]) {
    expect(stateToBytes(plain)[0]).not.toBe(0xff);
  }
  const others = [
    -0,
    Number.NaN,
    Infinity,
    1n,
    undefined,
    new Date(0),
    new Map(),
    circle,
    deep,
    gap,
    named,
    new Point(),
  ];
  for (const other of [...others, { a: undefined }, [undefined]]) expect(stateToBytes(other)[0]).toBe(0xff);
});
