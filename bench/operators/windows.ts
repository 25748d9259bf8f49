// Windows of the last three batches (but for sessions and the last records), each of which has all records.
import { count, sum } from '../../src/aggregators.js';
import {
  aggregateByKeyAndWindow,
  aggregateByWindow,
  countByValueAndWindow,
  countDistinctByWindow,
  groupByKeyAndWindow,
  type Pair,
  reduceByKeyAndWindow,
  reduceByWindow,
  type Session,
  sessionWindow,
  window,
  windowByCount,
} from '../../src/index.js';
import { grouped, summed } from './byKey.js';
import { type Compared, compared, type Numbers, numbers, type Parts, pairs, total, words } from './compared.js';
import { sessionsByHand } from './sessionsByHand.js';

const length = 3;
const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;

/** The aggregate of each of the last batches. */
function lastOf<T, P>(each: (parts: Parts<T>) => P): (parts: Parts<T>) => readonly P[] {
  const panes: P[] = [];
  return (parts) => {
    panes.push(each(parts));
    if (panes.length > length) panes.shift();
    return panes;
  };
}

function totalOf(parts: Parts<number>): number {
  let all = 0;
  for (const records of parts) for (const n of records) all += n;
  return all;
}

/** Sums of keys over the panes: the new one is added, and the one that leaves is taken out. */
function slidingSums<T>(each: (parts: Parts<T>) => ReadonlyMap<string, number>): (parts: Parts<T>) => Parts<Numbers> {
  const panes: ReadonlyMap<string, number>[] = [];
  const sums = new Map<string, { sum: number; panes: number }>();
  return (parts) => {
    const pane = each(parts);
    panes.push(pane);
    for (const [key, value] of pane) {
      const held = sums.get(key);
      if (held) {
        held.sum += value;
        held.panes++;
      } else sums.set(key, { sum: value, panes: 1 });
    }
    const leaving = panes.length > length ? panes.shift() : undefined;
    for (const [key, value] of leaving ?? []) {
      const held = sums.get(key);
      if (!held) continue;
      held.sum -= value;
      if (--held.panes === 0) sums.delete(key);
    }
    return [Array.from(sums, ([key, { sum }]) => [key, sum])];
  };
}

function countsOf(parts: Parts<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const records of parts) for (const word of records) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Sums by key of the last batches, recomputed each time. */
function resummed(): (parts: Parts<Numbers>) => Parts<Numbers> {
  const last = lastOf(summed);
  return (parts) => {
    const sums = new Map<string, number>();
    for (const pane of last(parts)) for (const [key, value] of pane) sums.set(key, (sums.get(key) ?? 0) + value);
    return [[...sums]];
  };
}

export const windows: Readonly<Record<string, Compared>> = {
  window: compared(
    numbers,
    () => window({ window: length }),
    () => {
      const last = lastOf((parts: Parts<number>) => parts);
      return (parts) => {
        const all: number[] = [];
        for (const pane of last(parts)) for (const records of pane) for (const record of records) all.push(record);
        return [all];
      };
    },
  ),
  reduceByWindow: compared(
    numbers,
    () => reduceByWindow(add, { window: length }),
    () => {
      const last = lastOf(totalOf);
      return (parts) => [[last(parts).reduce(add)]];
    },
  ),
  'aggregateByWindow, sum with its inverse': compared<number, number>(
    numbers,
    () => aggregateByWindow(sum(), { window: length, inverse: true }),
    () => {
      const last = lastOf(totalOf);
      return (parts) => [[last(parts).reduce(add)]];
    },
  ),
  'reduceByKeyAndWindow, with an inverse': compared<Numbers, Numbers>(
    pairs,
    () => reduceByKeyAndWindow(add, { window: length, inverse: subtract }),
    () => slidingSums(summed),
  ),
  'reduceByKeyAndWindow, without': compared<Numbers, Numbers>(
    pairs,
    () => reduceByKeyAndWindow(add, { window: length }),
    resummed,
  ),
  'aggregateByKeyAndWindow, sum with its inverse': compared<Numbers, Numbers>(
    pairs,
    () => aggregateByKeyAndWindow(sum(), { window: length, inverse: true }),
    () => slidingSums(summed),
  ),
  countByValueAndWindow: compared<string, Numbers>(
    words,
    () => countByValueAndWindow({ window: length }),
    () => slidingSums(countsOf),
  ),
  groupByKeyAndWindow: compared<Numbers, Pair<string, readonly number[]>>(
    pairs,
    () => groupByKeyAndWindow({ window: length }),
    () => {
      const last = lastOf(grouped);
      return (parts) => {
        const groups = new Map<string, number[]>();
        for (const pane of last(parts)) {
          for (const [key, values] of pane) {
            const group = groups.get(key);
            if (group) for (const value of values) group.push(value);
            else groups.set(key, [...values]);
          }
        }
        return [[...groups]];
      };
    },
  ),
  countDistinctByWindow: compared<string, number>(
    words,
    () => countDistinctByWindow({ window: length }),
    () => {
      const last = lastOf((parts: Parts<string>) => {
        const distinct = new Set<string>();
        for (const records of parts) for (const word of records) distinct.add(word);
        return distinct;
      });
      return (parts) => {
        const all = new Set<string>();
        for (const pane of last(parts)) for (const word of pane) all.add(word);
        return [[all.size]];
      };
    },
  ),
  windowByCount: compared<Numbers, Numbers>(
    pairs,
    () => windowByCount({ count: total }),
    () => (parts) => {
      const all: Numbers[] = [];
      for (const records of parts) for (const record of records) all.push(record);
      return [all];
    },
  ),
  'sessionWindow, count': compared<Numbers, Pair<string, Session<number>>>(
    pairs,
    () => sessionWindow({ gap: 5, aggregator: count() }),
    sessionsByHand,
  ),
};
