// What do worker threads gain? For maps of 0, 4, 9 and 32 microseconds a record, at 1, 2 and 4 threads:
//
//   npm run bench -- threads [--records N] [--seconds N] [--rounds N] [--costs 0,4,9,32] [--threads 1,2,4] [--niceness N]
//
// It reads as many records as take about 2 seconds of processor time, 400,000 at most: all of it takes about five minutes on two idle cores.
// `members` are threads of runInThreads, each of which reads and decodes its share; `map` is mapPartitionsInThreads, whose records are objects
// that are copied to a thread and back, beside mapPartitions. Processor time is that of single threads (Linux). The gain is what idle cores
// would make of it: the processor time of one thread, over the longest thread or, where there are more threads than cores, the sum over the cores.
// For how long the event loop of the main thread did not turn is beside the same of a process that did nothing meanwhile, and beside the
// processor time of its longest turn.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleAll } from '../test/support/bundle.js';
import { printTable, rowOf, writeResults } from './report.js';
import type { ChildSetup, Spent } from './threads/child.js';
import { turnsPerMicrosecond } from './threads/costed.js';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '400000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    costs: { type: 'string', default: '0,4,9,32' },
    threads: { type: 'string', default: '1,2,4' },
    niceness: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const niceness = options.niceness === undefined ? undefined : Number(options.niceness);
/** Of a map that takes `cost` microseconds: whole batches. */
const recordsOf = (cost: number) => {
  const wanted = Math.min(Number(options.records), (Number(options.seconds) * 1e6) / (cost + 1));
  return Math.max(1, Math.round(wanted / 20_000)) * 20_000;
};
const numbers = (text: string) => text.split(',').map(Number);
const cores = availableParallelism();

const folder = fileURLToPath(new URL('./.data/threads', import.meta.url));
const at = (path: string) => new URL(path, import.meta.url);
const ofThreads = ['../src/workers/jobWorker.ts', '../src/workers/partitionWorker.ts'];
bundleAll(['./threads/child.ts', './threads/job.ts', './threads/map.ts', ...ofThreads].map(at), folder);

/** Alone in a process, as an application would run it. */
function measured(setup: ChildSetup): Spent {
  const child = [`${folder}/child.mjs`, JSON.stringify(setup)];
  return JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}

const total = ({ main, threads }: Spent) => main + threads.reduce((sum, time) => sum + time, 0);
const longest = ({ main, threads }: Spent) => Math.max(main, ...threads);
/** How long idle cores would take. */
const ideal = (spent: Spent) => Math.max(longest(spent), total(spent) / cores);

function main(): void {
  const perMicrosecond = turnsPerMicrosecond();
  const counts = numbers(options.threads);
  const all = numbers(options.costs).flatMap((cost) => {
    const [turns, records] = [Math.round(cost * perMicrosecond), recordsOf(cost)];
    const setups: readonly ChildSetup[] = [
      ...counts.map((threads) => ({ kind: 'members', threads, turns, records }) as const),
      ...[0, ...counts].map((threads) => ({ kind: 'map', threads, turns, records }) as const),
    ];
    return setups.map((setup) => ({ ...setup, niceness, cost, samples: [] as Spent[] }));
  });
  for (let round = 0; round < rounds; round++) {
    for (const { cost: _, samples, ...setup } of all) samples.push(measured(setup));
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
  const about = {
    unit: 'microseconds of processor time a record',
    cores,
    rounds,
    ...(niceness !== undefined && { niceness }),
  };
  const isWhole = ['costs', 'threads', 'niceness'].every((name) => !process.argv.includes(`--${name}`));
  writeResults('threads', { ...about, rows, ratios, stillness }, isWhole);
}

main();
