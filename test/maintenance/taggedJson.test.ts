import { expect, it } from 'vitest';
import { fromTaggedJson, toTaggedJson } from '../../src/maintenance/taggedJson.js';

const shared = { n: 1 };
const circular: { self?: unknown } = {};
circular.self = circular;
const withHole = [1, 2, 3];
delete withHole[1];
let deep: unknown = 'end';
for (let i = 0; i < 900; i++) deep = [deep];

const values: readonly unknown[] = [
  ...[null, true, '', 'text', 1.5, Number.NaN, -0, -Infinity, 12n, undefined],
  [1, undefined, [2n]],
  { a: { b: new Date(5) }, invalid: new Date(Number.NaN) },
  new Map<unknown, unknown>([[{ k: 1 }, new Set([1, 'a'])]]),
  { $: 'number', value: 'NaN' },
  JSON.parse('{"__proto__": {"a": 1}}'),
  new Uint8Array([1, 2, 255]),
  new Uint8Array([1, 2, 3]).subarray(1),
  Buffer.from('abc'),
  ...[new Float64Array([1.5]), /a+/gi, new RangeError('out'), withHole, [shared, shared], circular, deep],
];

it.each(values.map((value, i) => [i, value] as const))('value %i comes back from a line as it was', (_, value) => {
  const back = fromTaggedJson(JSON.parse(JSON.stringify(toTaggedJson(value))));
  expect(back).toStrictEqual(value);
  expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(value));
});

it('keeps one object that is in a value twice one', () => {
  const [a, b] = fromTaggedJson(toTaggedJson([shared, shared])) as [unknown, unknown];
  expect(a).toBe(b);
});

it('writes plain values as they are', () => {
  expect(JSON.stringify(toTaggedJson({ count: 1, names: ['ann'] }))).toBe('{"count":1,"names":["ann"]}');
});

it('refuses a tag that it does not know', () => {
  expect(() => fromTaggedJson({ $: 'other' })).toThrow('is no type of a tagged value');
});
