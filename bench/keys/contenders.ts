// A million records a batch through an operator, and through a loop written by hand that does the same.
import { type Observable, type OperatorFunction, Subject } from 'rxjs';
import {
  Batch,
  count,
  countDistinctByWindow,
  join,
  kafkaPartitioner,
  type Pair,
  type Partition,
  partitionBy,
  sessionWindow,
  windowByCount,
} from '../../src/index.js';
import type { Contender } from '../contender.js';
import { contextAt } from '../windows/context.js';

export const total = 1_000_000;
const keys = 10_000;
const partitions = 4;

type Numbers = Pair<string, number>;

/** Keys as strings of their own, as they come from a topic. */
function pairs(size: number, distinct: number): readonly Partition<Numbers>[] {
  return Array.from({ length: partitions }, (_, index) => ({
    index,
    records: Array.from({ length: size / partitions }, (_, i): Numbers => {
      const n = i * partitions + index;
      return [Buffer.from(`customer-${(n * 7_919) % distinct}`).toString('latin1'), n % 1_000];
    }),
  }));
}

const keysOf = (given: readonly Partition<Numbers>[]): readonly Partition<string>[] =>
  given.map(({ index, records }) => ({ index, records: records.map(([key]) => key) }));

/** `next` is given the number of the batch, from 1, and gives a number that tells what came of it. */
function timed(create: () => (time: number) => number): Contender {
  return () => {
    const next = create();
    let time = 0;
    let check = 0;
    const run = (batches: number): void => {
      for (let i = 0; i < batches; i++) check = (check * 31 + next(++time)) % 1_000_003;
    };
    run(3);
    return { units: 3, run, check: () => check };
  };
}

/** An operator, given the same records at every batch. */
function through<T, R>(
  given: () => readonly Partition<T>[],
  make: (source: Observable<Batch<T>>) => OperatorFunction<Batch<T>, Batch<R>>,
  told: (batch: Batch<R>) => number,
): Contender {
  return timed(() => {
    const [source, context, records] = [new Subject<Batch<T>>(), contextAt(), given()];
    let last = 0;
    source.pipe(make(source)).subscribe((batch) => {
      last = told(batch);
    });
    return (time) => {
      source.next(new Batch(records, context(time)));
      return last;
    };
  });
}

const sizes = (batch: { readonly partitions: readonly { readonly records: readonly unknown[] }[] }) =>
  batch.partitions.reduce((all, { records }) => (all * 7 + records.length) % 1_000_003, 0);

export const contenders: Readonly<Record<string, Readonly<Record<string, Contender>>>> = {
  partitionBy: {
    partitionBy: through(
      () => pairs(total, keys),
      () => partitionBy<string, number>(8),
      sizes,
    ),
    'partitionBy, by hand': timed(() => {
      const given = pairs(total, keys);
      return () => {
        const spread = Array.from({ length: 8 }, () => ({ records: [] as Numbers[] }));
        for (const { records } of given) {
          for (const record of records) spread[kafkaPartitioner(record[0], 8)]?.records.push(record);
        }
        return sizes({ partitions: spread });
      };
    }),
  },
  join: {
    join: through<Numbers, unknown>(
      () => pairs(total / 2, total / 2),
      (source) => join(source),
      ({ size }) => size,
    ),
    'join, by hand': timed(() => {
      const given = pairs(total / 2, total / 2);
      const grouped = () => {
        const groups = new Map<string, number[]>();
        for (const { records } of given) {
          for (const [key, value] of records) {
            const group = groups.get(key);
            if (group) group.push(value);
            else groups.set(key, [value]);
          }
        }
        return groups;
      };
      return () => {
        const [lefts, rights] = [grouped(), grouped()];
        const joined: unknown[] = [];
        for (const [key, values] of lefts) {
          const others = rights.get(key) ?? [];
          for (const value of values) for (const other of others) joined.push([key, [value, other]]);
        }
        return joined.length;
      };
    }),
  },
  countDistinctByWindow: {
    countDistinctByWindow: through(
      () => keysOf(pairs(total, keys)),
      () => countDistinctByWindow<string>({ window: 10 }),
      ({ records: [distinct = 0] }) => distinct,
    ),
    'countDistinctByWindow, a set of the batch': timed(() => {
      const given = keysOf(pairs(total, keys));
      return () => {
        const distinct = new Set<string>();
        for (const { records } of given) for (const record of records) distinct.add(record);
        return distinct.size;
      };
    }),
  },
  sessionWindow: {
    sessionWindow: through(
      () => pairs(total, keys),
      () => sessionWindow<string, number, number, number>({ gap: 5, aggregator: count() }),
      ({ size }) => size,
    ),
    'sessionWindow, a map of counts': timed(() => {
      const given = pairs(total, keys);
      const open = new Map<string, { readonly start: number; end: number; count: number }>();
      return (time) => {
        for (const { records } of given) {
          for (const [key] of records) {
            const session = open.get(key);
            if (session) {
              session.end = time;
              session.count++;
            } else open.set(key, { start: time, end: time, count: 1 });
          }
        }
        let ended = 0;
        for (const { end } of open.values()) if (time - end >= 5) ended++;
        return ended;
      };
    }),
  },
  windowByCount: {
    windowByCount: through(
      () => pairs(total, keys),
      () => windowByCount<Numbers>({ count: total }),
      ({ size }) => size,
    ),
    'windowByCount, a copy of the batch': timed(() => {
      const given = pairs(total, keys);
      return () => given.flatMap(({ records }) => records).length;
    }),
  },
};
