import {
  type Batch,
  concatMapBatch,
  flatMapRecords,
  flatMapValues,
  fromBatches,
  type Key,
  mapPartitions,
  mapRecords,
  mapValues,
  mapWithState,
  type Pair,
  reduceBatch,
  reduceByKey,
  type StateHandle,
  transformBatch,
} from 'dstream';
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
