// One record after the other, or a partition or batch as a whole.
import {
  countByValue,
  filterRecords,
  flatMapRecords,
  mapPartitions,
  mapRecords,
  reduceBatch,
  repartition,
  transformBatch,
} from '../../src/index.js';
import { type Compared, compared, numbers, words } from './compared.js';

const half = (n: number): number => n / 2;
const isSmall = (n: number): boolean => n < 500;
const split = (word: string): readonly string[] => word.split('-');
const sum = (a: number, b: number): number => a + b;

export const records: Readonly<Record<string, Compared>> = {
  mapRecords: compared(
    numbers,
    () => mapRecords(half),
    () => (parts) => {
      return parts.map((records) => {
        const halves: number[] = [];
        for (const n of records) halves.push(half(n));
        return halves;
      });
    },
  ),
  filterRecords: compared(
    numbers,
    () => filterRecords(isSmall),
    () => (parts) => {
      return parts.map((records) => {
        const small: number[] = [];
        for (const n of records) if (isSmall(n)) small.push(n);
        return small;
      });
    },
  ),
  flatMapRecords: compared(
    words,
    () => flatMapRecords(split),
    () => (parts) => {
      return parts.map((records) => {
        const all: string[] = [];
        for (const word of records) for (const part of split(word)) all.push(part);
        return all;
      });
    },
  ),
  mapPartitions: compared(
    numbers,
    () => mapPartitions(({ records }) => records.map(half)),
    () => (parts) => parts.map((records) => records.map(half)),
  ),
  transformBatch: compared(
    numbers,
    () => transformBatch((records) => records.filter(isSmall)),
    () => (parts) => {
      const small: number[] = [];
      for (const records of parts) for (const n of records) if (isSmall(n)) small.push(n);
      return [small];
    },
  ),
  repartition: compared(
    words,
    () => repartition(8),
    () => (parts) => {
      const spread = Array.from({ length: 8 }, () => [] as string[]);
      let i = 0;
      for (const records of parts) for (const word of records) spread[i++ % 8]?.push(word);
      return spread;
    },
  ),
  reduceBatch: compared(
    numbers,
    () => reduceBatch(sum),
    () => (parts) => {
      let all = 0;
      for (const records of parts) for (const n of records) all += n;
      return [[all]];
    },
  ),
  countByValue: compared(
    words,
    () => countByValue(),
    () => (parts) => {
      const counts = new Map<string, number>();
      for (const records of parts) for (const word of records) counts.set(word, (counts.get(word) ?? 0) + 1);
      return [[...counts]];
    },
  ),
};
