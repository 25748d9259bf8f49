// What do worker threads gain? For maps of 0, 4, 9 and 32 microseconds a record, at 1, 2 and 4 threads:
//
//   npm run bench -- threads [--records N] [--rounds N] [--costs 0,4,9,32] [--threads 1,2,4]
//
// `members` are threads of runInThreads, each of which reads and decodes its share; `map` is mapPartitionsInThreads, whose records are objects
// that are copied to a thread and back, beside mapPartitions. Processor time is that of single threads (Linux). The gain is what idle cores
// would make of it: the processor time of one thread, over the longest thread or, where there are more threads than cores, the sum over the cores.
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { BroadcastChannel } from 'node:worker_threads';
import { type Batch, foreachBatch, fromBatches, mapPartitions } from 'dstream';
import { mapPartitionsInThreads, runInThreads } from 'dstream/workers';
import { lastValueFrom, type OperatorFunction } from 'rxjs';
import { printTable, rowOf, writeResults } from './report.js';
import { costed, turnsPerMicrosecond } from './threads/costed.js';
import type { Cell, Mapped } from './threads/map.js';
import { threadTime } from './threads/threadTime.js';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '400000' },
    rounds: { type: 'string', default: '3' },
    costs: { type: 'string', default: '0,4,9,32' },
    threads: { type: 'string', default: '1,2,4' },
  },
});
const [records, rounds] = [Number(options.records), Number(options.rounds)];
const numbers = (text: string) => text.split(',').map(Number);
const cores = availableParallelism();
const execArgv = ['--import', new URL('../test/support/tsInThreads.mjs', import.meta.url).href];

/** One measurement: processor times in ms, of the main thread and of each worker thread. */
interface Spent {
  readonly main: number;
  readonly threads: readonly number[];
  readonly wall: number;
  /** The longest time for which the event loop of the main thread did not turn, in ms. */
  readonly still: number;
}

async function watched(
  work: () => Promise<{ readonly threads: readonly number[]; readonly wall?: number }>,
): Promise<Spent> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [main, from] = [threadTime(), performance.now()];
  const { threads, wall = performance.now() - from } = await work();
  delay.disable();
  // It includes its own interval of 1 ms.
  return { main: threadTime() - main, threads, wall, still: Math.max(0, delay.max / 1e6 - 1) };
}

function members(threads: number, turns: number): Promise<Spent> {
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
async function map(threads: number, turns: number): Promise<Spent> {
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
  const rows = [];
  const ratios: Record<string, number> = {};
  const lines: string[][] = [];
  for (const cost of numbers(options.costs)) {
    const turns = Math.round(cost * perMicrosecond);
    for (const [kind, counts] of [
      ['members', numbers(options.threads)],
      ['map', [0, ...numbers(options.threads)]],
    ] as const) {
      let alone = Number.NaN;
      for (const threads of counts) {
        const samples: Spent[] = [];
        for (let round = 0; round < rounds; round++)
          samples.push(await (kind === 'map' ? map(threads, turns) : members(threads, turns)));
        const inMicroseconds = (of: (spent: Spent) => number) =>
          rowOf(
            '',
            samples.map((spent) => (of(spent) * 1_000) / records),
          ).median;
        const counted = kind === 'members' ? samples.map((spent) => ({ ...spent, main: 0 })) : samples;
        const median = rowOf('', counted.map(ideal)).median;
        if (threads === counts[0]) alone = median;
        const name = `${kind}, ${cost} µs, ${threads === 0 ? 'main thread' : `${threads} thread${threads > 1 ? 's' : ''}`}`;
        rows.push(
          rowOf(
            name,
            counted.map((spent) => (total(spent) * 1_000) / records),
          ),
        );
        ratios[`${name}: gain`] = alone / median;
        const still = Math.max(...samples.map((spent) => spent.still));
        lines.push([
          name,
          inMicroseconds(total).toFixed(2),
          inMicroseconds(({ wall }) => wall).toFixed(2),
          (alone / median).toFixed(2),
          still.toFixed(1),
        ]);
        console.log(lines.at(-1)?.join('  '));
      }
    }
  }
  printTable(['', 'processor time, µs a record', 'wall time', 'gain', 'main thread still for at most, ms'], lines);
  console.log(`\n${cores} cores; more threads than cores gain nothing.`);
  writeResults('threads', { unit: 'microseconds of processor time a record', cores, rows, ratios });
}

await main();
