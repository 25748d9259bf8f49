// A member: reads and decodes its share of the records by itself. Tells its processor time on a channel.
import { BroadcastChannel } from 'node:worker_threads';
import type { ThreadJob } from 'dstream/workers';
import { read } from './read.js';

const job: ThreadJob = async ({ index, threads }) => {
  const [records = 0, turns = 0] = (process.env.BENCH_THREADS ?? '').split(' ').map(Number);
  const share = Math.floor(records / threads);
  await read(Math.min(share, 20_000), turns);
  const channel = new BroadcastChannel('bench-threads');
  const from = performance.now();
  const time = await read(share, turns);
  channel.postMessage({ index, records: share, time, wall: performance.now() - from });
  channel.close();
};
export default job;
