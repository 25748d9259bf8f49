import { mean } from '../../src/aggregators.js';
import {
  aggregateByKey,
  flatMapValues,
  groupByKey,
  kafkaPartitioner,
  mapValues,
  type Pair,
  partitionBy,
  reduceByKey,
} from '../../src/index.js';
import { type Compared, compared, type Numbers, type Parts, pairs } from './compared.js';

const half = (n: number): number => n / 2;
const around = (n: number): readonly number[] => [n - 1, n + 1];
const sum = (a: number, b: number): number => a + b;

/** The values of each key. */
export function grouped(parts: Parts<Numbers>): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const records of parts) {
    for (const [key, value] of records) {
      const group = groups.get(key);
      if (group) group.push(value);
      else groups.set(key, [value]);
    }
  }
  return groups;
}

/** The sum of the values of each key. */
export function summed(parts: Parts<Numbers>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const records of parts) for (const [key, value] of records) sums.set(key, (sums.get(key) ?? 0) + value);
  return sums;
}

export const byKey: Readonly<Record<string, Compared>> = {
  mapValues: compared(
    pairs,
    () => mapValues(half),
    () => (parts) => {
      return parts.map((records) => {
        const halves: Numbers[] = [];
        for (const [key, value] of records) halves.push([key, half(value)]);
        return halves;
      });
    },
  ),
  flatMapValues: compared(
    pairs,
    () => flatMapValues(around),
    () => (parts) => {
      return parts.map((records) => {
        const all: Numbers[] = [];
        for (const [key, value] of records) for (const other of around(value)) all.push([key, other]);
        return all;
      });
    },
  ),
  reduceByKey: compared(
    pairs,
    () => reduceByKey(sum),
    () => (parts) => [[...summed(parts)]],
  ),
  groupByKey: compared<Numbers, Pair<string, readonly number[]>>(
    pairs,
    () => groupByKey(),
    () => (parts) => [[...grouped(parts)]],
  ),
  'aggregateByKey, mean': compared<Numbers, Pair<string, number | undefined>>(
    pairs,
    () => aggregateByKey(mean()),
    () => (parts) => {
      const means = new Map<string, { sum: number; count: number }>();
      for (const records of parts) {
        for (const [key, value] of records) {
          const before = means.get(key);
          if (before) {
            before.sum += value;
            before.count++;
          } else means.set(key, { sum: value, count: 1 });
        }
      }
      return [Array.from(means, ([key, { sum, count }]) => [key, sum / count])];
    },
  ),
  partitionBy: compared(
    pairs,
    () => partitionBy(8),
    () => (parts) => {
      const spread = Array.from({ length: 8 }, () => [] as Numbers[]);
      for (const records of parts) for (const record of records) spread[kafkaPartitioner(record[0], 8)]?.push(record);
      return spread;
    },
  ),
};
