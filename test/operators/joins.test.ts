import {
  type Batch,
  cogroup,
  fullOuterJoin,
  join,
  leftOuterJoin,
  mapValues,
  type Pair,
  rightOuterJoin,
  transformBatches,
  unionBatches,
  window,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import { connect, EMPTY, type Observable, type OperatorFunction, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type JoinKind, joinPairs } from '../../src/collections/pairs.js';
import { propertySettings } from '../property/settings.js';
import { standingCases } from './standing.js';

type Numbers = Pair<string, number>;
/** An operator over two streams of the same records. */
type Two<T> = (other: Observable<Batch<T>>) => OperatorFunction<Batch<T>, Batch<unknown>>;

/** The standing cases for a stream on the left, on the right, and on both sides. */
function standingTwice<T>(
  name: string,
  records: readonly T[],
  make: Two<T>,
  throwing?: (boom: () => never) => Two<T>,
): void {
  const places: Record<string, (two: Two<T>) => OperatorFunction<Batch<T>, Batch<unknown>>> = {
    'on the left': (two) => two(EMPTY),
    'on the right': (two) => (source) => EMPTY.pipe(two(source)),
    'on both sides': (two) => connect((source) => source.pipe(two(source))),
  };
  for (const [place, on] of Object.entries(places)) {
    // On the right it would give all before the left is subscribed to; and `connect` does not stop one.
    const cases = { records, make: () => on(make), synchronous: place === 'on the left' };
    standingCases(
      `${name} ${place}`,
      throwing ? { ...cases, throwing: (boom: () => never) => on(throwing(boom)) } : cases,
    );
  }
}

const pairs: readonly Numbers[] = [
  ['a', 1],
  ['b', 2],
];
standingTwice<Numbers>('join', pairs, (other) => join(other));
standingTwice<Numbers>('leftOuterJoin', pairs, (other) => leftOuterJoin(other));
standingTwice<Numbers>('rightOuterJoin', pairs, (other) => rightOuterJoin(other));
standingTwice<Numbers>('fullOuterJoin', pairs, (other) => fullOuterJoin(other));
standingTwice<Numbers>('cogroup', pairs, (other) => cogroup(other));
standingTwice<Numbers>('unionBatches', pairs, (other) => unionBatches(other));
standingTwice<Numbers>(
  'transformBatches',
  pairs,
  (other) => transformBatches(other, (left, right) => [...left, ...right]),
  (boom) => (other) => transformBatches(other, () => boom()),
);

describe('joins', () => {
  const orders: readonly Pair<string, string>[] = [
    ['ann', 'tea'],
    ['eve', 'jam'],
    ['ann', 'ham'],
  ];
  const users: readonly Pair<string, string>[] = [
    ['bob', 'Rome'],
    ['ann', 'Paris'],
    ['ann', 'Nice'],
  ];
  const anns = [
    ['ann', ['tea', 'Paris']],
    ['ann', ['tea', 'Nice']],
    ['ann', ['ham', 'Paris']],
    ['ann', ['ham', 'Nice']],
  ];
  const eve = [['eve', ['jam', undefined]]];
  const bob = [['bob', [undefined, 'Rome']]];

  const results = (make: Two<Pair<string, string>>): unknown => {
    const seen: unknown[] = [];
    runBatches(({ batches }) => {
      const left = batches<Pair<string, string>>('-abc-|', { a: orders, b: orders, c: [] });
      const right = batches<Pair<string, string>>('-abc-|', { a: users, b: [], c: users });
      left.pipe(make(right)).subscribe(({ records }) => seen.push(records));
    });
    return seen;
  };
  const lonely = [...orders.filter(([key]) => key === 'ann'), ...orders.filter(([key]) => key !== 'ann')];

  it('pair every value of a key with every value of it on the other side, keys in order of appearance', () => {
    expect(results((other) => join(other))).toEqual([anns, [], []]);
    expect(results((other) => leftOuterJoin(other))).toEqual([
      [...anns, ...eve],
      lonely.map(([key, value]) => [key, [value, undefined]]),
      [],
    ]);
    const others = [users[0], users[1], users[2]].map((pair) => [pair?.[0], [undefined, pair?.[1]]]);
    expect(results((other) => rightOuterJoin(other))).toEqual([[...anns, ...bob], [], others]);
    expect(results((other) => fullOuterJoin(other))).toEqual([
      [...anns, ...eve, ...bob],
      lonely.map(([key, value]) => [key, [value, undefined]]),
      others,
    ]);
  });

  it('keep an undefined value apart from a side that has no such key', () => {
    const seen: unknown[] = [];
    runBatches(({ batches }) => {
      const source = batches<Pair<string, undefined>>('-a|', { a: [['a', undefined]] });
      source.pipe(join(source)).subscribe(({ records }) => seen.push(...records));
    });
    expect(seen).toEqual([['a', [undefined, undefined]]]);
  });

  it('equal two nested loops', () => {
    type Row = readonly [string, readonly unknown[]];
    const keys = ['a', 'b', 'c', 'd'];
    const partitions = fc.array(fc.array(fc.tuple(fc.constantFrom(...keys), fc.nat(9)), { maxLength: 8 }), {
      maxLength: 3,
    });
    const side = (parts: readonly (readonly (readonly [string, number])[])[]) => ({
      partitions: parts.map((records) => ({ records })),
    });
    // Within a key the order is that of the loops.
    const byKey = (rows: readonly Row[]) =>
      JSON.stringify(
        keys.map((key) => rows.filter(([k]) => k === key)),
        (_, value) => value ?? 'none',
      );
    fc.assert(
      fc.property(partitions, partitions, (left, right) => {
        const [lefts, rights] = [left.flat(), right.flat()];
        const both = lefts.flatMap(([k, v]) => rights.filter(([l]) => l === k).map(([, w]): Row => [k, [v, w]]));
        const has = (pairs: readonly (readonly [string, number])[], key: string) => pairs.some(([k]) => k === key);
        const onlyLeft = lefts.filter(([k]) => !has(rights, k)).map(([k, v]): Row => [k, [v, undefined]]);
        const onlyRight = rights.filter(([k]) => !has(lefts, k)).map(([k, w]): Row => [k, [undefined, w]]);
        const joined = (kind: JoinKind) => byKey(joinPairs('join', side(left), side(right), kind));
        return (
          joined('inner') === byKey(both) &&
          joined('left') === byKey([...both, ...onlyLeft]) &&
          joined('right') === byKey([...both, ...onlyRight]) &&
          joined('full') === byKey([...both, ...onlyLeft, ...onlyRight])
        );
      }),
      propertySettings(),
    );
  });
});

describe('unionBatches', () => {
  it('keeps the partitions of all streams, in their order, and numbers them anew', () => {
    runBatches(({ batches, expectBatches, flush }) => {
      const first = batches('  -a-b|', { a: { partitions: [['a'], ['b']] }, b: ['e'] });
      const second = batches(' -a--|', { a: { partitions: [['c'], []] } });
      const third = batches('  -a-b|', { a: ['d'], b: ['f'] });
      const union = first.pipe(unionBatches(second, third));
      expectBatches(union).toBe('-a-b|', {
        a: { partitions: [['a'], ['b'], ['c'], [], ['d']] },
        b: { partitions: [['e'], ['f']] },
      });
      const indices: unknown[] = [];
      union.subscribe(({ partitions }) => indices.push(partitions.map(({ index }) => index)));
      flush();
      expect(indices).toEqual([
        [0, 1, 2, 3, 4],
        [0, 1],
      ]);
    });
  });

  it('of no other stream is the stream itself', () => {
    runBatches(({ batches, expectBatches }) => {
      expectBatches(batches('-a-b-|').pipe(unionBatches())).toBe('-a-b-|', { a: ['a'], b: ['b'] });
    });
  });
});

describe('transformBatches', () => {
  it('gives the function the records of both sides and the context', () => {
    runBatches(({ batches, expectBatches }) => {
      const left = batches(' -a-b-|', { a: ['x', 'y'], b: [] });
      const right = batches('-a-b-|', { a: ['z'], b: ['u'] });
      const told = transformBatches<string, string, string>(right, (l, r, { time }) => [`${time} ${l}|${r}`]);
      expectBatches(left.pipe(told)).toBe('-a-b-|', { a: ['1 x,y|z'], b: ['3 |u'] });
    });
  });
});

describe('operators over two streams', () => {
  it('refuse what is no stream when they are called', () => {
    const none = undefined as never;
    expect(() => join(none)).toThrow('join: other (undefined) must be an Observable of batches');
    expect(() => leftOuterJoin(none)).toThrow('leftOuterJoin: other');
    expect(() => rightOuterJoin(none)).toThrow('rightOuterJoin: other');
    expect(() => fullOuterJoin(none)).toThrow('fullOuterJoin: other');
    expect(() => cogroup(none)).toThrow('cogroup: other');
    expect(() => transformBatches(none, () => [])).toThrow('transformBatches: other');
    expect(() => unionBatches([1] as never)).toThrow('unionBatches: others');
    expect(() => transformBatches(EMPTY, 1 as never)).toThrow('transformBatches: transform (1) must be a function');
  });

  it('name themselves when a record is no pair, a key is an object, or a function gives no records', () => {
    const messages: string[] = [];
    runBatches(({ batches }) => {
      const good = () => batches<Numbers>('-a|', { a: [['a', 1]] });
      const told = (result: Observable<unknown>) =>
        result.pipe(toArray()).subscribe({ error: (error: Error) => messages.push(error.message) });
      told(good().pipe(join(batches('-a|', { a: ['text'] }) as never)));
      told(good().pipe(cogroup(batches('-a|', { a: [[{}, 1]] }) as never)));
      told(good().pipe(transformBatches(good(), () => undefined as never)));
    });
    expect(messages).toEqual([
      'join: record "text" is not a pair [key, value]',
      expect.stringContaining('has a key that is no string, number, bigint, boolean or null'),
      'transformBatches: record undefined is no array of records',
    ]);
  });

  it('take only what fits together', () => {
    const types = (numbers: Observable<Batch<Numbers>>, byId: Observable<Batch<Pair<number, string>>>) => {
      const joined: Observable<Batch<Pair<string, readonly [number, number]>>> = numbers.pipe(join(numbers));
      const left: Observable<Batch<Pair<string, readonly [number, number | undefined]>>> = numbers.pipe(
        leftOuterJoin(numbers),
      );
      // @ts-expect-error the other side of a left outer join may be missing
      const sure: Observable<Batch<Pair<string, readonly [number, number]>>> = numbers.pipe(leftOuterJoin(numbers));
      const right: Observable<Batch<Pair<string, readonly [number | undefined, number]>>> = numbers.pipe(
        rightOuterJoin(numbers),
      );
      const full: Observable<Batch<Pair<string, readonly [number | undefined, number | undefined]>>> = numbers.pipe(
        fullOuterJoin(numbers),
      );
      const groups: Observable<Batch<Pair<string, readonly [readonly number[], readonly number[]]>>> = numbers.pipe(
        cogroup(numbers),
      );
      const union: Observable<Batch<Pair<string, number> | Pair<number, string>>> = numbers.pipe(unionBatches(byId));
      // @ts-expect-error the other stream's records are there too
      const half: Observable<Batch<Numbers>> = numbers.pipe(unionBatches(byId));
      // @ts-expect-error the keys are of two types
      numbers.pipe(join(byId));
      // @ts-expect-error the other stream has no pairs
      numbers.pipe(cogroup(EMPTY as Observable<Batch<string>>));
      // @ts-expect-error neither has this one
      (EMPTY as Observable<Batch<string>>).pipe(join(numbers));
      // @ts-expect-error an object is no key
      join<Pair<{ id: number }, number>, number>(EMPTY);
      // @ts-expect-error a stream of records, not of batches
      numbers.pipe(unionBatches(EMPTY as Observable<Numbers>));
      // @ts-expect-error the function gives one record, not records
      numbers.pipe(transformBatches(byId, (left, right) => left.length + right.length));
      // The types of the other stream are found also where it is made on the spot by an operator that takes anything.
      const recent: Observable<Batch<Pair<string, readonly [number, number]>>> = numbers.pipe(
        join(numbers.pipe(window({ window: 10 }))),
      );
      const counted: Observable<Batch<Pair<string, readonly [readonly number[], readonly string[]]>>> = numbers.pipe(
        cogroup(numbers.pipe(mapValues((n) => String(n)))),
      );
      return { joined, left, sure, right, full, groups, union, half, recent, counted };
    };
    expect(types).toBeTypeOf('function');
  });
});
