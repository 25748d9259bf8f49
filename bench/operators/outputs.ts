import { Subject } from 'rxjs';
import { foreachBatch, foreachPartition, foreachPartitionOnce, limitRate } from '../../src/index.js';
import { type Compared, compared, numbers, total } from './compared.js';

const effect = { sum: 0 };

/** An effect that only reads. */
function read(records: readonly number[]): void {
  for (const n of records) effect.sum += n;
}

export const outputs: Readonly<Record<string, Compared>> = {
  foreachBatch: compared(
    numbers,
    () => foreachBatch(read),
    () => (parts) => {
      read(([] as number[]).concat(...parts));
      return parts;
    },
  ),
  foreachPartition: compared(
    numbers,
    () => foreachPartition(({ records }) => read(records)),
    () => (parts) => {
      for (const records of parts) read(records);
      return parts;
    },
  ),
  foreachPartitionOnce: compared(
    numbers,
    () => foreachPartitionOnce(({ records }) => read(records), { written: () => [[]] }),
    () => (parts) => {
      for (const records of parts) read(records);
      return parts;
    },
  ),
  'limitRate, of records that may pass': (() => {
    const rate = 1e12;
    const passing = (create: (sink: (n: number) => void) => (n: number) => void): Compared['operator'] => {
      return () => {
        let passed = 0;
        const next = create(() => {
          passed++;
        });
        const run = (times: number): void => {
          for (let i = 0; i < times; i++) for (let n = 0; n < total; n++) next(n);
        };
        run(4);
        return { units: 1, run, check: () => passed };
      };
    };
    return {
      operator: passing((sink) => {
        const source = new Subject<number>();
        source.pipe(limitRate({ rate })).subscribe(sink);
        return (n) => source.next(n);
      }),
      byHand: passing((sink) => {
        let [tokens, before] = [rate, Date.now()];
        return (n) => {
          const now = Date.now();
          tokens = Math.min(tokens + ((now - before) * rate) / 1_000, rate);
          before = now;
          if (tokens < 1) throw new Error('too fast');
          tokens--;
          sink(n);
        };
      }),
    };
  })(),
};
