import {
  deduplicate,
  type Key,
  mapWithState,
  runningReduce,
  type StateHandle,
  updateStateByKey,
} from '../../src/index.js';
import { grouped } from './byKey.js';
import { type Compared, compared, type Numbers, numbers, pairs, words } from './compared.js';

const add = (a: number, b: number): number => a + b;
const addAll = (values: readonly number[], before = 0): number => values.reduce(add, before);
const addOne = (_: string, value = 0, state: StateHandle<number>): number => {
  const after = (state.get() ?? 0) + value;
  state.update(after);
  return after;
};

export const state: Readonly<Record<string, Compared>> = {
  'updateStateByKey, touched': compared<Numbers, Numbers>(
    pairs,
    () => updateStateByKey(addAll, { call: 'touched' }),
    () => {
      const sums = new Map<string, number>();
      return (parts) => {
        const touched: Numbers[] = [];
        for (const [key, values] of grouped(parts)) {
          const after = addAll(values, sums.get(key));
          sums.set(key, after);
          touched.push([key, after]);
        }
        return [touched];
      };
    },
  ),
  mapWithState: compared<Numbers, number>(
    pairs,
    () => mapWithState(addOne),
    () => {
      const sums = new Map<string, number>();
      return (parts) => {
        const after: number[] = [];
        for (const records of parts) {
          for (const [key, value] of records) {
            const sum = (sums.get(key) ?? 0) + value;
            sums.set(key, sum);
            after.push(sum);
          }
        }
        return [after];
      };
    },
  ),
  runningReduce: compared<number, number>(
    numbers,
    () => runningReduce(add),
    () => {
      let sum = 0;
      return (parts) => {
        for (const records of parts) for (const n of records) sum += n;
        return [[sum]];
      };
    },
  ),
  deduplicate: compared<string, string>(
    words,
    () => deduplicate((word) => word, { window: 3 }),
    () => {
      const firstSeen = new Map<Key, number>();
      return (parts, time) => {
        for (const [key, seen] of firstSeen) {
          if (seen > time - 3) break;
          firstSeen.delete(key);
        }
        return parts.map((records) => {
          return records.filter((word) => {
            if (firstSeen.has(word)) return false;
            firstSeen.set(word, time);
            return true;
          });
        });
      };
    },
  ),
};
