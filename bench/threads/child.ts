// One measurement of bench/threads.bench.ts, alone in a process: node child.mjs SETUP
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
import { type Batch, foreachBatch, fromBatches, mapPartitions } from 'dstream';
import { mapPartitionsInThreads, runInThreads } from 'dstream/workers';
import { lastValueFrom, type OperatorFunction } from 'rxjs';
import { costed } from './costed.js';
import { IdleLoop } from './idleLoop.js';
import type { Cell, Mapped } from './map.js';
import { threadTime } from './threadTime.js';

export interface ChildSetup {
  /** Threads of runInThreads, or mapPartitionsInThreads. */
  readonly kind: 'members' | 'map';
  /** Of mapPartitionsInThreads, 0 is mapPartitions. */
  readonly threads: number;
  /** What the map costs, in turns of a loop for each record. */
  readonly turns: number;
  readonly records: number;
  /** Default: that of the library. */
  readonly niceness?: number | undefined;
}

/** One measurement: processor times in ms, of the main thread and of each worker thread. */
export interface Spent {
  readonly main: number;
  readonly threads: readonly number[];
  readonly wall: number;
  /** The longest time for which the event loop of the main thread did not turn, in ms, and that of an idle process. */
  readonly still: number;
  readonly idle: number;
  /** The most processor time that the main thread took between two turns of its event loop, in ms: a busy machine does not change it. */
  readonly busy: number;
}

const { kind, threads, turns, records, niceness }: ChildSetup = JSON.parse(process.argv[2] ?? '{}');
const worker = { env: { ...process.env, BENCH_THREADS: `${records} ${turns}` } };
const idle = new IdleLoop();
await idle.ready();

async function watched(
  work: () => Promise<{ readonly threads: readonly number[]; readonly wall?: number }>,
): Promise<Spent> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  idle.begin();
  let [busy, latest] = [0, threadTime()];
  const look = (): void => {
    const now = threadTime();
    busy = Math.max(busy, now - latest);
    latest = now;
  };
  const looking = setInterval(look, 1);
  const [main, from] = [threadTime(), performance.now()];
  const { threads, wall = performance.now() - from } = await work();
  // A block at the end is counted when the loop turns again.
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  clearInterval(looking);
  // It includes its own interval of 1 ms.
  const still = Math.max(0, delay.max / 1e6 - 1);
  return { main: threadTime() - main, threads, wall, still, busy, idle: await idle.still() };
}

function members(): Promise<Spent> {
  return watched(async () => {
    const channel = new BroadcastChannel('bench-threads');
    const told: { readonly time: number; readonly wall: number }[] = [];
    channel.onmessage = ({ data }: { data: { time: number; wall: number } }) => told.push(data);
    await runInThreads(new URL('./job.mjs', import.meta.url), { threads, niceness, worker }).ended;
    while (told.length < threads) await new Promise((resolve) => setTimeout(resolve, 1));
    channel.close();
    return { threads: told.map(({ time }) => time), wall: Math.max(...told.map(({ wall }) => wall)) };
  });
}

async function map(): Promise<Spent> {
  const perBatch = 20_000;
  const cells = Array.from({ length: perBatch }, (_, i): Cell => ({ key: `key${i % 50}`, value: 'x'.repeat(100) }));
  const batches = Array.from({ length: Math.ceil(records / perBatch) }, () => cells);
  const onMain = costed(turns);
  const operator: OperatorFunction<Batch<Cell>, Batch<Mapped>> = threads === 0
    ? mapPartitions(({ records }) => records.map(({ key, value }) => ({ key, value: onMain(value) })))
    : mapPartitionsInThreads<Cell, Mapped>(new URL('./map.mjs', import.meta.url), { threads, niceness, worker });
  const run = async (some: typeof batches, counts: boolean) => {
    const spent = new Map<string, number>();
    const add = foreachBatch<Mapped>((results) => {
      for (const { key, value } of results)
        if (counts && key.startsWith('thread')) spent.set(key, (spent.get(key) ?? 0) + value);
    });
    // A batch every millisecond: the stream is never idle.
    await lastValueFrom(fromBatches(some, { interval: 1, partitions: Math.max(threads, 1) * 2 }).pipe(operator, add));
    return [...spent.values()];
  };
  await run(batches.slice(0, 1), false);
  return watched(async () => ({ threads: await run(batches, true) }));
}

console.log(JSON.stringify(await (kind === 'members' ? members() : map())));
idle[Symbol.dispose]();
