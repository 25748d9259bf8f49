// What do worker threads gain? For maps of 0, 4, 9 and 32 microseconds a record, at 1, 2 and 4 threads:
//
//   npm run bench -- threads [--records N] [--seconds N] [--rounds N] [--costs 0,4,9,32] [--threads 1,2,4]
//
// It reads as many records as take about 2 seconds of processor time, 400,000 at most: all of it takes about five minutes on two idle cores.
// `members` are threads of runInThreads, each of which reads and decodes its share; `map` is mapPartitionsInThreads, whose records are objects
// that are copied to a thread and back, beside mapPartitions. Processor time is that of single threads (Linux). The gain is what idle cores
// would make of it: the processor time of one thread, over the longest thread or, where there are more threads than cores, the sum over the cores.
// For how long the event loop of the main thread did not turn is beside the same of a process that did nothing meanwhile, and beside the
// processor time of its longest turn.
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { BroadcastChannel } from 'node:worker_threads';
import { type Batch, foreachBatch, fromBatches, mapPartitions } from 'dstream';
import { mapPartitionsInThreads, runInThreads } from 'dstream/workers';
import { lastValueFrom, type OperatorFunction } from 'rxjs';
import { printTable, rowOf, writeResults } from './report.js';
import { costed, turnsPerMicrosecond } from './threads/costed.js';
import { IdleLoop } from './threads/idleLoop.js';
import type { Cell, Mapped } from './threads/map.js';
import { threadTime } from './threads/threadTime.js';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '400000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    costs: { type: 'string', default: '0,4,9,32' },
    threads: { type: 'string', default: '1,2,4' },
  },
});
const rounds = Number(options.rounds);
/** Of a map that takes `cost` microseconds: whole batches. */
const recordsOf = (cost: number) => {
  const wanted = Math.min(Number(options.records), (Number(options.seconds) * 1e6) / (cost + 1));
  return Math.max(1, Math.round(wanted / 20_000)) * 20_000;
};
const numbers = (text: string) => text.split(',').map(Number);
const cores = availableParallelism();
const execArgv = ['--import', new URL('../test/support/tsInThreads.mjs', import.meta.url).href];

/** One measurement: processor times in ms, of the main thread and of each worker thread. */
interface Spent {
  readonly main: number;
  readonly threads: readonly number[];
  readonly wall: number;
  /** The longest time for which the event loop of the main thread did not turn, in ms, and that of an idle process. */
  readonly still: number;
  readonly idle: number;
  /** The most processor time that the main thread took between two turns of its event loop, in ms: a busy machine does not change it. */
  readonly busy: number;
}

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

function members(threads: number, turns: number, records: number): Promise<Spent> {
  return watched(async () => {
    const channel = new BroadcastChannel('bench-threads');
    const told: { readonly time: number; readonly wall: number }[] = [];
    channel.onmessage = ({ data }: { data: { time: number; wall: number } }) => told.push(data);
    const worker = { execArgv, env: { ...process.env, BENCH_THREADS: `${records} ${turns}` } };
    await runInThreads(new URL('./threads/job.ts', import.meta.url), { threads, worker }).ended;
    while (told.length < threads) await new Promise((resolve) => setTimeout(resolve, 1));
    channel.close();
    return { threads: told.map(({ time }) => time), wall: Math.max(...told.map(({ wall }) => wall)) };
  });
}

/** `threads` 0 is mapPartitions. */
async function map(threads: number, turns: number, records: number): Promise<Spent> {
  const perBatch = 20_000;
  const cells = Array.from({ length: perBatch }, (_, i): Cell => ({ key: `key${i % 50}`, value: 'x'.repeat(100) }));
  const batches = Array.from({ length: Math.ceil(records / perBatch) }, () => cells);
  const onMain = costed(turns);
  const worker = { execArgv, env: { ...process.env, BENCH_THREADS: `${records} ${turns}` } };
  const operator: OperatorFunction<Batch<Cell>, Batch<Mapped>> = threads === 0
    ? mapPartitions(({ records }) => records.map(({ key, value }) => ({ key, value: onMain(value) })))
    : mapPartitionsInThreads<Cell, Mapped>(new URL('./threads/map.ts', import.meta.url), { threads, worker });
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

const total = ({ main, threads }: Spent) => main + threads.reduce((sum, time) => sum + time, 0);
const longest = ({ main, threads }: Spent) => Math.max(main, ...threads);
/** How long idle cores would take. */
const ideal = (spent: Spent) => Math.max(longest(spent), total(spent) / cores);

async function main(): Promise<void> {
  const perMicrosecond = turnsPerMicrosecond();
  const counts = numbers(options.threads);
  const all = numbers(options.costs).flatMap((cost) => {
    const [turns, records] = [Math.round(cost * perMicrosecond), recordsOf(cost)];
    return [
      ...counts.map((threads) => ({
        kind: 'members',
        cost,
        threads,
        records,
        run: () => members(threads, turns, records),
      })),
      ...[0, ...counts].map((threads) => ({
        kind: 'map',
        cost,
        threads,
        records,
        run: () => map(threads, turns, records),
      })),
    ].map((one) => ({ ...one, samples: [] as Spent[] }));
  });
  for (let round = 0; round < rounds; round++) {
    for (const { run, samples } of all) samples.push(await run());
    console.log(`round ${round + 1} of ${rounds} after ${Math.round(process.uptime())} s`);
  }
  const rows = [];
  const ratios: Record<string, number> = {};
  const lines: string[][] = [];
  for (const { kind, cost, threads, records, samples } of all) {
    const median = (of: (spent: Spent) => number) => rowOf('', samples.map(of)).median;
    // The main thread of members only waits: what it does is the start of the threads.
    const counted = (spent: Spent) => (kind === 'members' ? { ...spent, main: 0 } : spent);
    const idealOf = (some: readonly Spent[]) =>
      rowOf(
        '',
        some.map((spent) => ideal(counted(spent))),
      ).median;
    const first = all.find((one) => one.kind === kind && one.cost === cost);
    const gain = idealOf(first?.samples ?? []) / idealOf(samples);
    const name = `${kind}, ${cost} µs, ${threads === 0 ? 'main thread' : `${threads} thread${threads > 1 ? 's' : ''}`}`;
    const perRecord = (spent: Spent) => (total(counted(spent)) * 1_000) / records;
    rows.push(rowOf(name, samples.map(perRecord)));
    ratios[`${name}: gain`] = gain;
    const longestOf = (of: (spent: Spent) => number) => Math.max(...samples.map(of)).toFixed(1);
    lines.push([
      name,
      median(perRecord).toFixed(2),
      median(({ wall }) => (wall * 1_000) / records).toFixed(2),
      gain.toFixed(2),
      longestOf(({ still }) => still),
      longestOf((spent) => spent.idle),
      longestOf((spent) => spent.busy),
    ]);
  }
  const still = 'main thread still for at most, ms';
  printTable(
    [
      '',
      'processor time, µs a record',
      'wall time',
      'gain',
      still,
      'an idle process',
      'its longest turn, ms of processor time',
    ],
    lines,
  );
  console.log(`\n${cores} cores; more threads than cores gain nothing. ${Math.round(process.uptime())} s in all.`);
  const stillness = lines.map(([name, , , , main, control, busy]) => ({
    ...{ name, main: Number(main), idle: Number(control), busy: Number(busy) },
  }));
  writeResults('threads', { unit: 'microseconds of processor time a record', cores, rows, ratios, stillness });
  idle[Symbol.dispose]();
}

await main();
