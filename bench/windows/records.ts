// Milliseconds for a batch of 1,000,000 records through mapRecords, filterRecords and reduceByKey, and for a loop.
import { Subject } from 'rxjs';
import { Batch, filterRecords, mapRecords, reduceByKey } from '../../src/index.js';
import type { Contender } from '../contender.js';
import { contextAt } from './context.js';

interface Order {
  readonly customer: string;
  readonly amount: number;
}

const total = 1_000_000;
const keys = 10_000;
const partitions = 4;
const batches = 2;

/** Customers as strings of their own, as they come from a topic. */
function orders(context: ReturnType<typeof contextAt>): Batch<Order> {
  const records = Array.from({ length: partitions }, (_, p) =>
    Array.from({ length: total / partitions }, (_, i) => {
      const n = i * partitions + p;
      return {
        customer: Buffer.from(`customer-${(n * 7_919) % keys}`).toString('latin1'),
        amount: ((n * 104_729) % 1_000) - 250,
      };
    }),
  );
  return new Batch(
    records.map((each, index) => ({ index, records: each })),
    context(1),
  );
}

type Sink = (sums: Iterable<readonly [string, number]>) => void;

function timed(create: (sink: Sink) => (batch: Batch<Order>) => void): Contender {
  return () => {
    const context = contextAt();
    let check = 0;
    const next = create((sums) => {
      for (const [, sum] of sums) check = (check * 31 + sum) % 1_000_003;
    });
    const batch = orders(context);
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) next(batch);
    };
    run(5);
    check = 0;
    return { units: batches, run, check: () => check };
  };
}

function pipeline(sink: Sink): (batch: Batch<Order>) => void {
  const source = new Subject<Batch<Order>>();
  source
    .pipe(
      mapRecords(({ customer, amount }) => [customer, amount]),
      filterRecords(([, amount]) => amount > 0),
      reduceByKey((a, b) => a + b),
    )
    .subscribe((batch) => sink(batch.records));
  return (batch) => source.next(batch);
}

/** Other functions through the same operators, so that the engine cannot know which of them is called. */
function others(batch: Batch<Order>): void {
  const source = new Subject<Batch<Order>>();
  const pairs = mapRecords(({ customer, amount }: Order) => [customer.slice(-1), amount % 10]);
  const projections = [
    mapRecords(({ customer }: Order) => [customer, 1]),
    mapRecords(({ amount }: Order) => [`${amount}`, 2]),
    mapRecords((order: Order) => [order.customer.length, order.amount]),
    mapRecords(({ amount }: Order) => [amount > 0, amount]),
  ];
  const reduce = reduceByKey<string | number | boolean, number>((a, b) => Math.max(a, b));
  for (const project of projections) {
    const odd = filterRecords<readonly [string | number | boolean, number]>(([, amount]) => amount % 2 === 1);
    source.pipe(project, odd, reduce).subscribe();
  }
  source
    .pipe(
      pairs,
      reduceByKey((a, b) => a - b),
    )
    .subscribe();
  for (let i = 0; i < 3; i++) source.next(batch);
}

export const records: Readonly<Record<string, Contender>> = {
  'mapRecords, filterRecords, reduceByKey': timed(pipeline),
  'mapRecords, filterRecords, reduceByKey, one pipeline of six': timed((sink) => {
    const next = pipeline(sink);
    let first = true;
    return (batch) => {
      if (first) others(batch);
      first = false;
      next(batch);
    };
  }),
  'one loop': timed((sink) => (batch) => {
    const sums = new Map<string, number>();
    for (const { records } of batch.partitions) {
      for (const { customer, amount } of records) {
        if (amount > 0) sums.set(customer, (sums.get(customer) ?? 0) + amount);
      }
    }
    sink(sums);
  }),
  'a loop with the same steps': timed((sink) => (batch) => {
    const sums = new Map<string, number>();
    for (const { records } of batch.partitions) {
      const pairs: (readonly [string, number])[] = [];
      for (const { customer, amount } of records) pairs.push([customer, amount]);
      const positive: (readonly [string, number])[] = [];
      for (const pair of pairs) if (pair[1] > 0) positive.push(pair);
      for (const [customer, amount] of positive) sums.set(customer, (sums.get(customer) ?? 0) + amount);
    }
    sink(sums);
  }),
};
