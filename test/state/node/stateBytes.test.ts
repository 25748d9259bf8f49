import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stateFromBytes, stateToBytes } from '../../../src/state/node/stateBytes.js';
import { propertySettings } from '../../property/settings.js';

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
