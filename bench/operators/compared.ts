import { type Observable, type OperatorFunction, Subject } from 'rxjs';
import { Batch, type Pair } from '../../src/index.js';
import type { Contender } from '../contender.js';
import { contextAt } from '../windows/context.js';

/** An operator, and a loop that comes to the same. */
export interface Compared {
  readonly operator: Contender;
  readonly byHand: Contender;
}

/** The records of a batch, by partition. */
export type Parts<T> = readonly (readonly T[])[];
export type Numbers = Pair<string, number>;

export const total = 1_000_000;
const keys = 10_000;
const partitions = 4;

/** Keys as strings of their own, as they come from a topic. */
export function pairs(size = total, distinct = keys): Parts<Numbers> {
  return Array.from({ length: partitions }, (_, index) =>
    Array.from({ length: size / partitions }, (_, i): Numbers => {
      const n = i * partitions + index;
      return [Buffer.from(`customer-${(n * 7_919) % distinct}`).toString('latin1'), n % 1_000];
    }),
  );
}

export const words = (): Parts<string> => pairs().map((records) => records.map(([key]) => key));
export const numbers = (): Parts<number> => pairs().map((records) => records.map(([, value]) => value));

/** Both are given the same records, batch after batch; batch times are 1, 2, 3. */
export function compared<T, R>(
  given: () => Parts<T>,
  make: (source: Observable<Batch<T>>) => OperatorFunction<Batch<T>, Batch<R>>,
  byHand: () => (parts: Parts<T>, time: number) => Parts<R>,
): Compared {
  return {
    operator: timed(given, (parts) => {
      const [source, context] = [new Subject<Batch<T>>(), contextAt()];
      const partitions = parts.map((records, index) => ({ index, records }));
      let last: Batch<R> | undefined;
      source.pipe(make(source)).subscribe((batch) => {
        last = batch;
      });
      return (time) => {
        source.next(new Batch(partitions, context(time)));
        return (last?.partitions ?? []).map(({ records }) => records);
      };
    }),
    byHand: timed(given, (parts) => {
      const next = byHand();
      return (time) => next(parts, time);
    }),
  };
}

function timed<T, R>(given: () => Parts<T>, create: (parts: Parts<T>) => (time: number) => Parts<R>): Contender {
  return () => {
    const next = create(given());
    let time = 0;
    let last: Parts<R> = [];
    const run = (batches: number): void => {
      for (let i = 0; i < batches; i++) last = next(++time);
    };
    run(2);
    return { units: 1, run, check: () => digest(last) };
  };
}

/** What tells results apart: all sizes, and the records; of many records one in a hundred. The order of few does not count. */
function digest(parts: Parts<unknown>): string {
  return parts.map((records) => `${records.length}:${hash(records)}`).join(' ');
}

function hash(records: readonly unknown[]): number {
  const step = records.length > 2 * keys ? 101 : 1;
  let all = 0;
  for (let i = 0; i < records.length; i += step) {
    const text = JSON.stringify(records[i]) ?? '';
    let one = 7;
    for (let c = 0; c < text.length; c++) one = (one * 31 + text.charCodeAt(c)) % 1_000_003;
    all = (all + one) % 1_000_003;
  }
  return all;
}
