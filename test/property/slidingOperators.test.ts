import {
  type Aggregator,
  aggregateByKeyAndWindow,
  aggregateByWindow,
  type Batch,
  type InvertibleAggregator,
  type Pair,
  reduceByKeyAndWindow,
  reduceByWindow,
} from 'dstream';
import fc from 'fast-check';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { feed, type TimedRecords } from '../operators/feed.js';
import { divide, type Matrix, matrixOf, multiply } from '../windows/oracle.js';
import { propertySettings } from './settings.js';

// Every operator over a sliding window against the definition of its windows, under multiplication of matrices (which is
// associative, not commutative, and has an inverse): random windows, slides, gaps between batch times, keys and filters,
// and each batch processed by an operator that was restored from the checkpoint just before it.

type Keyed = Pair<string, Matrix>;

interface Case {
  readonly batches: readonly TimedRecords<Keyed>[];
  readonly window: number;
  readonly slide: number;
  readonly restart: 'never' | 'at-each';
}

const record = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(30), fc.nat(30));

// Mostly batch after batch; gaps may be longer than a window.
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 9 }) },
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    steps: fc.array(fc.tuple(step, fc.array(record, { maxLength: 3 })), { maxLength: 18 }),
    window: fc.integer({ min: 1, max: 7 }),
    slide: fc.integer({ min: 1, max: 7 }),
    restart: fc.constantFrom('never' as const, 'never' as const, 'at-each' as const),
  })
  .map(({ steps, ...rest }) => {
    let time = 0;
    const batches = steps.map(([gap, records]): TimedRecords<Keyed> => {
      time += gap;
      return [time, records.map(([key, x, y]) => [key, matrixOf(x, y)])];
    });
    return { ...rest, batches };
  });

/** What is in the window of each result, in order: by definition, from all batches. */
function windowsOf({ batches, window, slide }: Case): readonly (readonly [time: number, readonly Window[]])[] {
  const slideAt = (time: number) => Math.ceil(time / slide) * slide;
  let last = 0;
  return batches.flatMap(([now]): (readonly [number, readonly Window[]])[] => {
    const due = now === slideAt(now);
    // A result that was jumped over is given when it has records that no later one has.
    const jumped = batches
      .filter(([time, { length }]) => length > 0 && time < now && time > last && time > slideAt(time) - window)
      .filter(([time]) => time <= slideAt(now) - window)
      .map(([time]) => slideAt(time));
    const ends = [...new Set(jumped), ...(due ? [now] : [])];
    last = ends.at(-1) ?? last;
    const windows = ends.map((end): Window => {
      const panes = batches.filter(([time]) => time > end - window && time <= end);
      return { end, panes };
    });
    return windows.length > 0 ? [[now, windows]] : [];
  });
}

interface Window {
  readonly end: number;
  readonly panes: readonly TimedRecords<Keyed>[];
}

const recordsOf = ({ panes }: Window): readonly Keyed[] => panes.flatMap(([, records]) => records);

function byKey(records: readonly Keyed[]): Map<string, Matrix> {
  const products = new Map<string, Matrix>();
  for (const [key, value] of records) {
    const before = products.get(key);
    products.set(key, before ? multiply(before, value) : value);
  }
  return products;
}

function check<R>(
  make: (options: { window: number; slide: number; id: string }) => OperatorFunction<Batch<Keyed>, Batch<R>>,
  compare: (given: readonly R[], windows: readonly Window[]) => void,
): void {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { batches, window, slide, restart } = drawn;
      const results = feed(batches, () => make({ window, slide, id: 'w' }), { restart });
      const expected = windowsOf(drawn);
      expect(results.map(([time]) => time)).toEqual(expected.map(([time]) => time));
      for (const [i, [, given]] of results.entries()) compare(given, expected[i]?.[1] ?? []);
    }),
    propertySettings(),
  );
}

const one: Matrix = [1, 0, 0, 1];

/** Over matrices, or over what `lift` takes one from. */
function productOf<In>(lift: (input: In) => Matrix): InvertibleAggregator<In, Matrix, Matrix> {
  return { identity: one, lift, combine: multiply, invert: divide, exact: true, lower: (value) => value };
}

function withoutInverse<In>({ invert: _, exact: __, ...rest }: InvertibleAggregator<In, Matrix, Matrix>) {
  return rest satisfies Aggregator<In, Matrix, Matrix>;
}

const ofRecords = productOf(([, value]: Keyed) => value);
const ofValues = productOf((value: Matrix) => value);

const kinds = ['exact inverse', 'refreshed inverse', 'two stacks', 'DABA Lite'] as const;

describe.each(kinds)('with %s', (kind) => {
  const latency = kind === 'DABA Lite' ? { latency: 'worst-case' as const } : {};
  const inverse = kind === 'two stacks' || kind === 'DABA Lite' ? undefined : { inverse: true as const };
  const exact = kind === 'exact inverse';

  it('aggregateByWindow equals recomputation', () => {
    check<Matrix>(
      (options) =>
        inverse
          ? aggregateByWindow({ ...ofRecords, exact }, { ...options, ...inverse })
          : aggregateByWindow(withoutInverse(ofRecords), { ...options, ...latency }),
      (given, windows) =>
        expect(given).toEqual(windows.map((each) => recordsOf(each).reduce((a, [, b]) => multiply(a, b), one))),
    );
  });

  it('aggregateByKeyAndWindow equals recomputation', () => {
    check<Pair<string, Matrix>>(
      (options) =>
        inverse
          ? aggregateByKeyAndWindow({ ...ofValues, exact }, { ...options, ...inverse })
          : aggregateByKeyAndWindow(withoutInverse(ofValues), { ...options, ...latency }),
      (given, windows) => expect(sorted(given)).toEqual(sorted(windows.flatMap((each) => [...byKey(recordsOf(each))]))),
    );
  });
});

/** By key, then by value: several results may be in one batch. */
const sorted = <R>(records: readonly R[]): readonly string[] => records.map((each) => JSON.stringify(each)).sort();

describe.each([{ inverse: divide }, {}])('with %j', (options) => {
  it('reduceByWindow equals recomputation', () => {
    const multiplyKeyed = ([, a]: Keyed, [, b]: Keyed): Keyed => ['', multiply(a, b)];
    const divideKeyed = ([, a]: Keyed, [, b]: Keyed): Keyed => ['', divide(a, b)];
    check<Keyed>(
      (windowOptions) =>
        reduceByWindow(multiplyKeyed, { ...windowOptions, ...('inverse' in options && { inverse: divideKeyed }) }),
      (given, windows) => {
        const expected = windows.map(recordsOf).filter(({ length }) => length > 0);
        expect(given.map(([, value]) => value)).toEqual(
          expected.map((records) => records.reduce((a, [, b]) => multiply(a, b), one)),
        );
      },
    );
  });

  it('reduceByKeyAndWindow equals recomputation', () => {
    check<Keyed>(
      (windowOptions) => reduceByKeyAndWindow(multiply, { ...windowOptions, ...options }),
      (given, windows) => expect(sorted(given)).toEqual(sorted(windows.flatMap((each) => [...byKey(recordsOf(each))]))),
    );
  });

  it('the changes of reduceByKeyAndWindow, put together, equal recomputation', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const { batches, window, slide, restart } = drawn;
        const make = () =>
          reduceByKeyAndWindow<string, Matrix>(multiply, { window, slide, id: 'w', ...options, emit: 'changes' });
        const live = new Map<string, Matrix>();
        const expected = windowsOf(drawn);
        for (const [i, [, changes]] of feed(batches, make, { restart }).entries()) {
          for (const [key, value] of changes) {
            if (value === undefined) live.delete(key);
            else live.set(key, value);
          }
          const newest = expected[i]?.[1].at(-1);
          expect(sorted([...live])).toEqual(sorted([...byKey(newest ? recordsOf(newest) : [])]));
        }
      }),
      propertySettings(),
    );
  });

  it('a filter forgets what a key had before it was dropped, over restarts too', () => {
    const even = ([a]: Matrix) => a % 2 === 0;
    fc.assert(
      fc.property(cases, (drawn) => {
        const { batches, window, slide, restart } = drawn;
        const filter = ([, value]: Keyed) => !even(value);
        const make = () =>
          reduceByKeyAndWindow<string, Matrix>(multiply, { window, slide, id: 'w', ...options, filter });
        // By definition: of each key the records since it was last dropped; one that is touched and not kept is dropped.
        const droppedAt = new Map<string, number>();
        const kept = (each: Window, before: number): readonly Keyed[] => {
          const since = (key: string) => droppedAt.get(key) ?? -1;
          const panes = each.panes.map(
            ([time, records]): TimedRecords<Keyed> => [time, records.filter(([key]) => time > since(key))],
          );
          const products = byKey(panes.flatMap(([, records]) => records));
          const touched = new Set(
            batches
              .filter(
                ([time]) =>
                  (time > before && time <= each.end) || (time > before - window && time <= each.end - window),
              )
              .flatMap(([time, records]) => records.filter(([key]) => time > since(key)).map(([key]) => key)),
          );
          for (const [key, value] of [...products]) {
            if (!touched.has(key) || filter([key, value])) continue;
            droppedAt.set(key, each.end);
            products.delete(key);
          }
          return [...products];
        };
        let last = 0;
        const expected = windowsOf(drawn).map(([, windows]) =>
          windows.flatMap((each) => {
            const pairs = kept(each, last);
            last = each.end;
            return pairs;
          }),
        );
        const results = feed(batches, make, { restart });
        expect(results.map(([, given]) => sorted(given))).toEqual(expected.map(sorted));
      }),
      propertySettings(),
    );
  });
});
