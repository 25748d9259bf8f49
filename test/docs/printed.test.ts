import { format } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareLines } from '../../docs/.vitepress/run/compare.js';
import { printed } from '../../docs/.vitepress/run/printed.js';

// What an example prints in the page is what it prints under Node, to the character.

class Point {
  readonly x = 1;
  readonly y = [2];
}

const circular: { name: string; self?: unknown } = { name: 'loop' };
circular.self = circular;

const values: readonly (readonly unknown[])[] = [
  ['text', 1, -0, 12n, null, undefined, true, Symbol('s')],
  [
    [
      ['a', 1],
      ['b', 2],
    ],
  ],
  [[]],
  [{}],
  [JSON.parse('{ "__proto__": 1 }')],
  [{ a: { b: { c: { d: 1 } } } }],
  [{ 'a-b': 1, f() {}, g: () => 1, h: class A {}, i: class B extends Point {} }],
  [new Map([['a', { b: 1 }]]), new Set([1, 'x']), new Map(), new Set()],
  [new Point(), Object.create(null), new (class {})()],
  [new Date(0), /a+/g, [undefined, null]],
  [new Uint8Array([1, 2, 3]), new Float64Array(2)],
  [Array.from({ length: 120 }, (_, i) => i)],
  [Array.from({ length: 30 }, (_, i) => `word ${i}`)],
  [["it's", 'a \'b\' "c"', 'new\nline', '\u0001\t\\']],
  // biome-ignore lint/suspicious/noSparseArray: that is what is shown
  [[1, , , 4]],
  [circular],
  ['%s is %d, %i, %f, %j, %O %%', 'x', 4.5, 4.5, '1.5', { a: 1 }, [1], 'rest'],
  [{ long: 'x'.repeat(60), other: 'y'.repeat(30), third: [1, 2, 3] }],
  [
    {
      get a() {
        return 1;
      },
      set a(_) {},
      get b() {
        return 1;
      },
    },
  ],
  ['a', { text: 'b' }],
  [[[[[1]]]], { a: [[[1]]] }],
];

describe('printed', () => {
  it.each(values.map((list) => [format(...list), list] as const))('%s', (expected, list) => {
    expect(printed(...list)).toBe(expected);
  });

  it('is what Node prints, for any plain value', () => {
    const value = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withDate: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(value, (any) => {
        expect(printed(any)).toBe(format(any));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('compareLines', () => {
  it('pairs what is the same, and shows what is missing and what is too much', () => {
    expect(compareLines(['a', 'x', 'c', 'd'], ['a', 'b', 'c'])).toEqual([
      { printed: 'a', expected: 'a', same: true },
      { printed: 'x', same: false },
      { expected: 'b', same: false },
      { printed: 'c', expected: 'c', same: true },
      { printed: 'd', same: false },
    ]);
  });
});
