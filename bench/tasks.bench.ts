// What do tasks cost beside one driver that reads the same partitions?
//
//   npm run bench -- tasks [--rounds N] [--intervals N] [--warm-up N] [--records 1000,3000,100] [--costs 0,5] [--kafka [--seconds N]]
//
// Records in 32 partitions, each with keys of its own, as Kafka has them in record batches: counted by key in batches of a second, by one driver
// and by 32 tasks of one process. With 1,000 records a partition and interval, also after a map of 5 microseconds a record, with 3,000 and with 100.
//
// Each contender runs alone in a process of its own, in turns, bundled as an application would be. A stream runs for as long as it is wanted, so
// what is measured is what an interval costs once the engine has compiled everything: after a warm-up, from a topic that takes no more
// memory and never ends. In virtual time and with a log that answers at once, so that processor time is that of the library.
//
// With `--kafka`: the same on a Kafka that is started here, in real time, with 32,000 new records of 100 bytes a second, both contenders at the same time,
// for 30 seconds a round after two minutes with intervals of 50 ms: a function that is called once for each batch is compiled late, and with
// intervals of a second that takes a quarter of an hour.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from '../test/support/bundle.js';
import { rowOf, writeResults } from './report.js';
import type { ChildSample, ChildSetup } from './tasks/child.js';
import { onKafka } from './tasks/onKafka.js';
import { partitions } from './tasks/topic.js';
import { turnsPerMicrosecond } from './threads/costed.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    intervals: { type: 'string', default: '250' },
    'warm-up': { type: 'string' },
    records: { type: 'string', default: '1000,3000,100' },
    costs: { type: 'string', default: '0,5' },
    kafka: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '30' },
  },
});
const [rounds, intervals] = [Number(options.rounds), Number(options.intervals)];
/** In intervals, and in seconds with `--kafka`. */
const warmUp = Number(options['warm-up'] ?? (options.kafka ? 120 : 300));
const isWhole = options.kafka ? process.argv.length === 3 : process.argv.length === 2;

async function inRealTime(): Promise<void> {
  const seconds = Number(options.seconds);
  const contenders = await onKafka(rounds, warmUp, seconds);
  const rows = contenders.map(({ kind, samples }) =>
    rowOf(kind === 'driver' ? 'one driver' : `${partitions} tasks`, samples),
  );
  const [driver, tasks] = rows.map(({ median }) => median) as [number, number];
  const ratios = {
    [`${partitions} tasks / one driver`]: tasks / driver,
    'more for a task and batch, ms': (tasks - driver) / partitions,
  };
  const command = 'npm run bench -- tasks --kafka';
  const unit = 'ms of processor time a second';
  writeResults('tasksKafka', { command, unit, rows, ratios, partitions, rounds, seconds, warmUp }, isWhole);
}

function inVirtualTime(): void {
  const counts = options.records.split(',').map(Number);
  const costs = options.costs.split(',').map(Number);
  const child = fileURLToPath(new URL('./.data/tasks/child.mjs', import.meta.url));
  bundle(new URL('./tasks/child.ts', import.meta.url), child);
  const perMicrosecond = turnsPerMicrosecond();

  /** What both contenders do. */
  interface Work {
    readonly name: string;
    readonly setup: Omit<ChildSetup, 'kind'>;
  }

  const works = counts.flatMap((records, i) =>
    // The map is what takes the time then: measured once, and in fewer intervals.
    (i === 0 ? costs : costs.slice(0, 1)).map((cost): Work => {
      const turns = Math.round(cost * perMicrosecond);
      const times = cost > 0 ? 0.06 : 1;
      return {
        name: `${records.toLocaleString('en')} records${cost > 0 ? `, ${cost} µs each` : ''}`,
        setup: { records, turns, warmUp, intervals: Math.ceil(intervals * times) },
      };
    }),
  );
  const nameOf = (kind: ChildSetup['kind'], { name }: Work) =>
    `${kind === 'driver' ? 'one driver' : `${partitions} tasks`}, ${name}`;
  const kinds = ['driver', 'tasks'] as const;
  const samples = new Map<string, ChildSample[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const work of works) {
      for (const kind of kinds) {
        const name = nameOf(kind, work);
        const setup = { kind, ...work.setup } satisfies ChildSetup;
        const sample: ChildSample = JSON.parse(
          execFileSync(process.execPath, [child, JSON.stringify(setup)], { encoding: 'utf8' }),
        );
        samples.set(name, [...(samples.get(name) ?? []), sample]);
        console.log(`round ${round}  ${name.padEnd(40)} ${sample.ms.toFixed(2)} ms`);
      }
    }
  }
  const rows = [...samples].map(([name, all]) =>
    rowOf(
      name,
      all.map(({ ms }) => ms),
    ),
  );
  const medianOf = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const ratios = Object.fromEntries(
    works.flatMap((work) => {
      const [driver, tasks] = kinds.map((kind) => medianOf(nameOf(kind, work))) as [number, number];
      return [
        [`${partitions} tasks / one driver, ${work.name}`, tasks / driver],
        [`more for a task and batch, ${work.name}, ms`, (tasks - driver) / partitions],
      ];
    }),
  );
  const requests = Object.fromEntries([...samples].map(([name, all]) => [name, all.at(-1)?.requests]));
  const unit = 'ms of processor time an interval';
  writeResults('tasks', { unit, rows, ratios, requests, partitions, rounds, intervals, warmUp }, isWhole);
}

if (options.kafka) await inRealTime();
else inVirtualTime();
