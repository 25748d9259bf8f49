// The function of mapPartitionsInThreads. Its first result is the processor time of the thread for this partition, in ms.
import { threadId } from 'node:worker_threads';
import type { PartitionFunction } from 'dstream/workers';
import { costed } from './costed.js';
import { threadTime } from './threadTime.js';

export type Cell = { readonly key: string; readonly value: string };
export type Mapped = { readonly key: string; readonly value: number };

const map = costed(Number((process.env.BENCH_THREADS ?? '').split(' ')[1]));

let spent = threadTime();
const mapAll: PartitionFunction<Cell, Mapped> = ({ records }) => {
  const results = records.map(({ key, value }) => ({ key, value: map(value) }));
  // From one partition to the next, so that the copies count too.
  const now = threadTime();
  results[0] = { key: `thread ${threadId}`, value: now - spent };
  spent = now;
  return results;
};
export default mapAll;
