import {
  aggregateByKey,
  type Batch,
  concatMapBatch,
  filterRecords,
  flatMapRecords,
  flatMapValues,
  foreachBatch,
  foreachPartition,
  fromBatches,
  groupByKey,
  join,
  type Key,
  mapPartitions,
  mapRecords,
  mapValues,
  mapWithState,
  type Pair,
  reduceBatch,
  reduceByKey,
  reduceByKeyAndWindow,
  reduceByWindow,
  runningReduce,
  type StateHandle,
  transformBatch,
  updateStateByKey,
} from 'dstream';
import { mean } from 'dstream/aggregators';
import { EMPTY, type Observable, type OperatorFunction } from 'rxjs';

// What TypeScript infers with no annotation. Nothing here runs: the compiler is the test, here (npm run types) and in every
// version that is supported (test/package/consumer.test.ts), against the declarations of the package.

interface Flight {
  readonly origin: string;
  readonly delay: number;
}

const flights = EMPTY as Observable<Batch<Flight>>;
const words = EMPTY as Observable<Batch<string>>;

type RecordOf<S> = S extends Observable<Batch<infer R>> ? R : never;
type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** `recordsAre<E>()(stream)` compiles when the records of the stream are of type `E`, neither wider nor narrower. */
const recordsAre =
  <E>() =>
  <S>(stream: S, ..._: Equal<RecordOf<S>, E> extends true ? [] : [inferred: RecordOf<S>]) =>
    stream;

/** An array of two elements is a pair, of the types that its elements have, literals widened. */
export const pairs = () => {
  const delays: Observable<Batch<Pair<string, number>>> = flights.pipe(mapRecords((f) => [f.origin, f.delay]));
  recordsAre<Pair<string, number>>()(delays);
  recordsAre<Pair<string, number>>()(flights.pipe(mapRecords((f) => [f.origin, f.delay])));
  recordsAre<Pair<string, number>>()(flights.pipe(mapRecords(({ origin, delay }) => [origin, delay])));
  recordsAre<Pair<string, number>>()(words.pipe(mapRecords((word) => [word, 1])));
  recordsAre<Pair<string, number>>()(words.pipe(mapRecords(({ length }) => ['all', length])));
  recordsAre<Pair<string, boolean>>()(words.pipe(mapRecords((word) => [word, true])));
  recordsAre<Pair<string, string>>()(words.pipe(mapRecords((word) => [word, 'seen'])));
  recordsAre<Pair<string, number[]>>()(words.pipe(mapRecords((word) => [word, [1, 2]])));
  recordsAre<Pair<string, { n: number }>>()(words.pipe(mapRecords((word) => [word, { n: 1 }])));
  recordsAre<Pair<string, number>>()(words.pipe(mapRecords((word) => (word === '' ? ['none', 0] : [word, 1]))));
  recordsAre<Pair<string, number>>()(
    words.pipe(
      mapRecords((word) => {
        if (word === '') return ['none', 0];
        return [word, 1];
      }),
    ),
  );
  recordsAre<Pair<string, number>>()(fromBatches([[['a', 1]], [['b', 2]], []], { interval: 1 }));
  recordsAre<Pair<string, number>>()(words.pipe(flatMapRecords((line) => line.split(' ').map((word) => [word, 1]))));
  recordsAre<Pair<string, number>>()(words.pipe(flatMapRecords((line) => [[line, 1]])));
  recordsAre<Pair<string, number>>()(words.pipe(flatMapRecords((line) => (line === '' ? [] : [[line, 1]]))));
  recordsAre<Pair<string, number>>()(words.pipe(flatMapRecords((line) => new Map([[line, 1]]))));
  recordsAre<Pair<string, number>>()(
    words.pipe(
      flatMapRecords(function* (line) {
        yield [line, 1];
      }),
    ),
  );
  recordsAre<Pair<string, number>>()(words.pipe(mapPartitions(({ records }) => records.map((word) => [word, 1]))));
  recordsAre<Pair<string, number>>()(words.pipe(transformBatch((records) => records.map((word) => [word, 1]))));
  recordsAre<Pair<string, number>>()(words.pipe(concatMapBatch(async (all) => all.map((word) => [word, 1]))));
  recordsAre<Pair<string, Pair<number, number>>>()(delays.pipe(mapValues((delay) => [delay, 1])));
  recordsAre<Pair<string, Pair<string, number>>>()(delays.pipe(flatMapValues((delay) => [['delay', delay]])));
  recordsAre<Pair<string, number>>()(
    delays.pipe(mapWithState((key, delay = 0, state: StateHandle<number>) => [key, delay + (state.get() ?? 0)])),
  );
  recordsAre<Pair<string, number>>()(
    words.pipe(
      mapRecords((word) => [word, 1]),
      reduceByKey((a, b) => a + b),
    ),
  );
};

/** What is annotated stays as it is said. */
export const annotated = () => {
  recordsAre<Pair<string, number>>()(words.pipe(mapRecords((word): Pair<string, number> => [word, 1])));
  recordsAre<Pair<'all', number>>()(words.pipe(mapRecords((word): Pair<'all', number> => ['all', word.length])));
  recordsAre<Pair<string, 1>>()(words.pipe(mapRecords((word) => [word, 1] as const)));
  recordsAre<Pair<string, number>>()(words.pipe(mapRecords<string, Pair<string, number>>((word) => [word, 1])));
  recordsAre<number>()(words.pipe(mapRecords<string, number>(({ length }) => length)));
  recordsAre<Pair<string, number>>()(fromBatches([[['a', 1]]] as [string, number][][], { interval: 1 }));
};

/** What is no pair is what it was. */
export const others = () => {
  recordsAre<number>()(words.pipe(mapRecords(({ length }) => length)));
  recordsAre<number>()(words.pipe(mapRecords(() => 1)));
  recordsAre<string>()(words.pipe(mapRecords(() => 'word')));
  recordsAre<{ n: number }>()(words.pipe(mapRecords(() => ({ n: 1 }))));
  recordsAre<string[]>()(words.pipe(mapRecords((line) => line.split(' '))));
  recordsAre<string | undefined>()(words.pipe(mapRecords((word) => word || undefined)));
  recordsAre<null>()(words.pipe(mapRecords(() => null)));
  recordsAre<unknown>()(words.pipe(mapRecords((word): unknown => word)));
  // biome-ignore lint/suspicious/noExplicitAny: what comes from `any` is `any`
  recordsAre<any>()(words.pipe(mapRecords((text) => JSON.parse(text))));
  // biome-ignore lint/suspicious/noExplicitAny: what comes from `any` is `any`
  recordsAre<any>()(words.pipe(flatMapRecords((text) => JSON.parse(text))));
  recordsAre<string>()(words.pipe(flatMapRecords((line) => line.split(' '))));
  recordsAre<number>()(words.pipe(flatMapRecords(() => [1, 2])));
  recordsAre<number[]>()(words.pipe(flatMapRecords((line) => [line.split(' ').map(Number)])));
  recordsAre<string>()(words.pipe(transformBatch((records) => [...records].sort())));
  recordsAre<number>()(words.pipe(concatMapBatch(async (all) => all.map(({ length }) => length))));
  recordsAre<number>()(words.pipe(concatMapBatch((all) => all.map(async ({ length }) => length))));
  recordsAre<string>()(fromBatches([['a', 'b'], []], { interval: 1 }));
  recordsAre<never>()(fromBatches([[]], { interval: 1 }));
  recordsAre<number>()(
    words.pipe(
      mapRecords(() => 1),
      reduceBatch((a, b) => a + b),
    ),
  );
};

const list: Flight[] = [];
declare function save(all: readonly unknown[]): Promise<void>;

/** The twelve forms in which one writes a job before having read about types: none needs an annotation. */
export const naturalForms = () => {
  const delays = flights.pipe(mapRecords((f) => [f.origin, f.delay]));
  type Delays = Pair<string, number>;
  type Sums = Pair<string, Pair<number, number>>;
  // 1: pairs straight into an operator by key
  recordsAre<Delays>()(
    flights.pipe(
      mapRecords((f) => [f.origin, f.delay]),
      reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 2 }),
    ),
  );
  const sums = delays.pipe(mapValues((delay) => [delay, 1]));
  // 2: a reducer of tuples
  recordsAre<Sums>()(sums.pipe(reduceByKey((a, b) => [a[0] + b[0], a[1] + b[1]])));
  // 3: the same with a window and an inverse
  recordsAre<Sums>()(
    sums.pipe(
      reduceByKeyAndWindow((a, b) => [a[0] + b[0], a[1] + b[1]], {
        inverse: (a, b) => [a[0] - b[0], a[1] - b[1]],
        window: 2,
      }),
    ),
  );
  // 4: without keys
  const pair = flights.pipe(mapRecords((f) => [f.delay, 1]));
  recordsAre<Pair<number, number>>()(pair.pipe(reduceBatch((a, b) => [a[0] + b[0], a[1] + b[1]])));
  recordsAre<Pair<number, number>>()(pair.pipe(reduceByWindow((a, b) => [a[0] + b[0], a[1] + b[1]], { window: 2 })));
  // 5: the state of updateStateByKey, from its initial states or from the type of the parameter
  recordsAre<Delays>()(
    delays.pipe(updateStateByKey((values, count = 0) => count + values.length, { initialState: [['SFO', 1]] })),
  );
  recordsAre<Delays>()(delays.pipe(updateStateByKey((values, count: number = 0) => count + values.length)));
  // 6: the state of mapWithState
  recordsAre<Delays>()(
    delays.pipe(
      mapWithState(
        (key, delay = 0, state) => {
          state.update((state.get() ?? 0) + delay);
          return [key, state.get() ?? 0];
        },
        { initialState: new Map([['SFO', 1]]) },
      ),
    ),
  );
  // 7: a running value of another type than the records, a tuple too
  recordsAre<number>()(flights.pipe(runningReduce((sum, f) => sum + f.delay, { initial: 0 })));
  recordsAre<[number, number]>()(
    flights.pipe(runningReduce(([sum, count], f) => [sum + f.delay, count + 1], { initial: [0, 0] })),
  );
  // 8: an effect that returns what it happens to return
  recordsAre<Flight>()(flights.pipe(foreachBatch((all) => list.push(...all))));
  recordsAre<Flight>()(flights.pipe(foreachPartition(({ records }) => list.push(...records))));
  // 9: an effect with a condition
  recordsAre<Flight>()(flights.pipe(foreachBatch((all) => all.length > 0 && save(all))));
  // 10: an aggregator by key
  recordsAre<Delays>()(delays.pipe(aggregateByKey(mean())));
  // 11: a join of two pairs that are made on the way
  recordsAre<Pair<string, readonly [number, string]>>()(
    delays.pipe(join(flights.pipe(mapRecords((f) => [f.origin, f.origin])))),
  );
  // 12: groups, and a filter that narrows
  recordsAre<Delays>()(
    delays.pipe(
      groupByKey(),
      mapValues((all) => all.length),
    ),
  );
  const perhaps = EMPTY as Observable<Batch<Flight | undefined>>;
  recordsAre<Flight>()(perhaps.pipe(filterRecords((f): f is Flight => f !== undefined)));
};

/** Functions of the user that are generic themselves. */
export const generic = () => {
  const parsed = <R>(parse: (text: string) => R): OperatorFunction<Batch<string>, Batch<R>> => mapRecords(parse);
  const split = <R>(parse: (text: string) => R[]): OperatorFunction<Batch<string>, Batch<R>> => flatMapRecords(parse);
  const keyed = <T, K extends Key>(keyOf: (record: T) => K): OperatorFunction<Batch<T>, Batch<Pair<K, T>>> =>
    mapRecords((record) => [keyOf(record), record]);
  recordsAre<number>()(words.pipe(parsed(Number)));
  recordsAre<number>()(words.pipe(split((line) => line.split(' ').map(Number))));
  recordsAre<Pair<string, Flight>>()(flights.pipe(keyed(({ origin }) => origin)));
};

/** A context that says what is wanted. */
export const wanted = () => {
  const one: OperatorFunction<Batch<string>, Batch<number>> = mapRecords(({ length }) => length);
  const pair: OperatorFunction<Batch<string>, Batch<Pair<string, number>>> = mapRecords((word) => [word, 1]);
  const any: OperatorFunction<Batch<string>, Batch<number>> = flatMapRecords((text) => JSON.parse(text));
  return { one, pair, any };
};

/** Mistakes in the function are still found where they are. */
export const mistakes = () => {
  // @ts-expect-error records are strings
  words.pipe(mapRecords((word: number) => word));
  // @ts-expect-error a string has none
  words.pipe(mapRecords((word) => word.origin));
  // @ts-expect-error a string has none
  words.pipe(mapRecords((word) => [word, word.delay]));
  // @ts-expect-error a number cannot be iterated over
  words.pipe(flatMapRecords(({ length }) => length));
  // @ts-expect-error the pair is of numbers
  recordsAre<Pair<string, string>>()(words.pipe(mapRecords((word) => [word, 1])));
};
