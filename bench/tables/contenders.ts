import { Subject } from 'rxjs';
import { Batch, joinTable, type Pair, type TableChange } from '../../src/index.js';
import type { Contender } from '../contender.js';
import { contextAt } from '../windows/context.js';

/** Tables of these sizes, and batches of these. Every record has a row, and one row in ten changes in a large batch. */
export const rowCounts = [1_000, 100_000, 1_000_000] as const;
export const batchSizes = [3, 10_000] as const;
export const sides = ['joinTable', 'Map'] as const;

type Record = Pair<string, number>;
type Joined = Pair<string, Pair<number, number>>;
type Lookup = (changes: readonly TableChange<string, number>[], records: readonly Record[]) => readonly Joined[];

/** Runs long enough to be timed. */
const recordsPerRun = 200_000;
const maxBatchesPerRun = 10_000;

const keyOf = (row: number) => `customer-${row}`;

function byOperator(): Lookup {
  const context = contextAt();
  const [changes, records] = [new Subject<Batch<TableChange<string, number>>>(), new Subject<Batch<Record>>()];
  let joined: readonly Joined[] = [];
  records.pipe(joinTable(changes)).subscribe((batch) => {
    joined = batch.records as readonly Joined[];
  });
  let time = 0;
  return (changed, asked) => {
    const at = context(++time);
    changes.next(new Batch([{ index: 0, records: changed }], at));
    records.next(new Batch([{ index: 0, records: asked }], at));
    return joined;
  };
}

function byHand(): Lookup {
  const table = new Map<string, number>();
  return (changed, asked) => {
    for (const [key, row] of changed) {
      if (row === null) table.delete(key);
      else table.set(key, row);
    }
    const joined: Joined[] = [];
    for (const [key, value] of asked) {
      const row = table.get(key);
      if (row !== undefined) joined.push([key, [value, row]]);
    }
    return joined;
  };
}

/** A table, and batches that look rows up all over it. A unit is a batch. */
export function contender(side: string, rows: number, batchSize: number): Contender {
  return () => {
    const lookUp = side === 'Map' ? byHand() : byOperator();
    lookUp(
      Array.from({ length: rows }, (_, row) => [keyOf(row), row] as const),
      [],
    );
    const stride = 7_919;
    const batches = Array.from({ length: 8 }, (_, n) => ({
      records: Array.from({ length: batchSize }, (_, i): Record => {
        return [keyOf(((n * batchSize + i) * stride) % rows), i];
      }),
      changes: Array.from({ length: Math.floor(batchSize / 10) }, (_, i) => {
        return [keyOf(((n + i) * stride) % rows), i] as const;
      }),
    }));
    let count = 0;
    let sum = 0;
    const run = (units: number): void => {
      for (let i = 0; i < units; i++) {
        const { changes, records } = batches[count++ % batches.length] as (typeof batches)[number];
        for (const [, [, row]] of lookUp(changes, records)) sum = (sum + row) % 1_000_003;
      }
    };
    run(batches.length);
    const units = Math.min(Math.ceil(recordsPerRun / batchSize), maxBatchesPerRun);
    return { units, run, check: () => sum };
  };
}
