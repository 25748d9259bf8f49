import { cogroup, fullOuterJoin, join, leftOuterJoin, rightOuterJoin, transformBatches, unionBatches } from 'dstream';
import { runBatches } from 'dstream/testing';
import { describe, it } from 'vitest';
import { pairs } from '../support/pairs.js';

describe('join', () => {
  it('pairs the values of the keys that both batches of a time have', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1 y2'), b: pairs('x3') });
      const right = batches(' -c-d-|', { c: pairs('x4'), d: [] });
      const subs = '          ^----!';
      const expected = '      -m-n-|';
      expectBatches(left.pipe(join(right))).toBe(expected, { m: [['x', [1, 4]]], n: [] });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });

  it('completes when both streams are complete', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b---|', { a: pairs('x1'), b: pairs('x2') });
      const right = batches(' -c|', { c: pairs('x4') });
      const leftSubs = '      ^------!';
      const rightSubs = '     ^-!';
      const expected = '      -m-n---|';
      expectBatches(left.pipe(join(right))).toBe(expected, { m: [['x', [1, 4]]], n: [] });
      expectSubscriptions(left.subscriptions).toBe(leftSubs);
      expectSubscriptions(right.subscriptions).toBe(rightSubs);
    });
  });

  it('unsubscribes from both streams when it is unsubscribed, and from the other when one fails', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1'), b: pairs('x2') });
      const right = batches(' -c-d-|', { c: pairs('x3'), d: pairs('x4') });
      const subs = '          ^-!';
      const unsub = '         --!';
      const expected = '      -m-';
      expectBatches(left.pipe(join(right)), unsub).toBe(expected, { m: [['x', [1, 3]]] });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1'), b: pairs('x2') });
      const right = batches(' -c#', { c: pairs('x3') });
      const subs = '          ^-!';
      const expected = '      -m#';
      expectBatches(left.pipe(join(right))).toBe(expected, { m: [['x', [1, 3]]] });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('leftOuterJoin', () => {
  it('keeps the keys that only the left batch has', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1 y2'), b: pairs('x3') });
      const right = batches(' -c-d-|', { c: pairs('x4'), d: pairs('z5') });
      const subs = '          ^----!';
      const expected = '      -m-n-|';
      const joined = left.pipe(leftOuterJoin(right));
      expectBatches(joined).toBe(expected, {
        m: [
          ['x', [1, 4]],
          ['y', [2, undefined]],
        ],
        n: [['x', [3, undefined]]],
      });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('rightOuterJoin', () => {
  it('keeps the keys that only the right batch has', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1 y2'), b: pairs('x3') });
      const right = batches(' -c-d-|', { c: pairs('x4'), d: pairs('z5') });
      const subs = '          ^----!';
      const expected = '      -m-n-|';
      const joined = left.pipe(rightOuterJoin(right));
      expectBatches(joined).toBe(expected, { m: [['x', [1, 4]]], n: [['z', [undefined, 5]]] });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('fullOuterJoin', () => {
  it('keeps the keys that only one of the batches has', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1 y2'), b: [] });
      const right = batches(' -c-d-|', { c: pairs('x4'), d: pairs('z5') });
      const subs = '          ^----!';
      const expected = '      -m-n-|';
      const joined = left.pipe(fullOuterJoin(right));
      expectBatches(joined).toBe(expected, {
        m: [
          ['x', [1, 4]],
          ['y', [2, undefined]],
        ],
        n: [['z', [undefined, 5]]],
      });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('cogroup', () => {
  it('lists the values of each key on both sides', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches('  -a-b-|', { a: pairs('x1 x2'), b: [] });
      const right = batches(' -c-d-|', { c: pairs('x3 y4'), d: [] });
      const subs = '          ^----!';
      const expected = '      -m-n-|';
      expectBatches(left.pipe(cogroup(right))).toBe(expected, {
        m: [
          ['x', [[1, 2], [3]]],
          ['y', [[], [4]]],
        ],
        n: [],
      });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('transformBatches', () => {
  it('maps the records of the two batches of a time', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches<number>('  -a-b-|', { a: [1, 2], b: [3] });
      const right = batches<number>(' -c-d-|', { c: [2], d: [3] });
      const subs = '                  ^----!';
      const expected = '              -m-n-|';
      const without = transformBatches<number, number, number>(right, (all, some) =>
        all.filter((n) => !some.includes(n)),
      );
      expectBatches(left.pipe(without)).toBe(expected, { m: [1], n: [] });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });
});

describe('unionBatches', () => {
  it('puts the partitions of all streams into one batch a time, until the last stream completes', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const first = batches('  -a-b-|');
      const second = batches(' -c-d-|');
      const third = batches('  -e|');
      const subs = '           ^----!';
      const thirdSubs = '      ^-!';
      const expected = '       -m-n-|';
      const m = { partitions: [['a'], ['c'], ['e']] };
      expectBatches(first.pipe(unionBatches(second, third))).toBe(expected, { m, n: { partitions: [['b'], ['d']] } });
      expectSubscriptions(first.subscriptions).toBe(subs);
      expectSubscriptions(second.subscriptions).toBe(subs);
      expectSubscriptions(third.subscriptions).toBe(thirdSubs);
    });
  });
});
