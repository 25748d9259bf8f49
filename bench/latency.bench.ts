// How long does a record take from `produce` to an output? Beside kafkajs and Java's client, on the same topic, in interleaved rounds, each
// reader in a process of its own.
//
//   npm run bench -- latency [--rounds N] [--seconds N] [--intervals 100,1000] [--brokers HOST:PORT]
//
// About a hundred records a second are produced, each by itself, into a topic of four partitions. `idle` measures streams with nothing to read.
import { randomUUID } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildContenders, type Contender, measure, produce } from './latency/contenders.js';
import { makeTopic } from './latency/topic.js';
import { quantile } from './quantile.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    intervals: { type: 'string', default: '100,1000' },
    brokers: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const intervals = options.intervals.split(',').map(Number);
const partitions = 4;
const percentiles = [50, 90, 99] as const;

interface Entry {
  readonly contender: Contender;
  readonly delays: Record<(typeof percentiles)[number], number[]>;
  readonly busy: number[];
}

async function main(): Promise<void> {
  const [load = 0] = loadavg();
  if (load > cpus().length / 2) console.warn(`the machine is busy (load ${load.toFixed(1)}): delays say little`);
  const cluster = options.brokers === undefined ? await startKafka({ longLived: true }) : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const topic = `bench-${randomUUID()}`;
  try {
    await makeTopic(brokers, topic, partitions);
    const entries = buildContenders(intervals).map(
      (contender): Entry => ({ contender, delays: { 50: [], 90: [], 99: [] }, busy: [] }),
    );
    for (let round = 1; round <= rounds; round++) {
      for (const entry of entries) {
        const { contender } = entry;
        const busy = await measure(contender, brokers, topic, async () => {
          produce(brokers, topic, partitions, seconds);
          await sleep(2 * Math.max(...intervals));
        });
        const delayOf = (percent: number) => quantile(busy.delays, percent / 100);
        for (const percent of percentiles) entry.delays[percent].push(delayOf(percent));
        entry.busy.push(busy.core * 100);
        const shown = percentiles.map((percent) => `p${percent} ${delayOf(percent).toFixed(1)}`).join('  ');
        const records = `${busy.delays.length} records`;
        console.log(`round ${round}  ${contender.name.padEnd(22)} ${records}  ${shown}`);
      }
    }
    report(entries, load);
  } finally {
    await cluster?.stop();
  }
}

function report(entries: readonly Entry[], load: number): void {
  const rows = entries.flatMap(({ contender: { name }, delays, busy }): Row[] => [
    ...percentiles.map((percent) => rowOf(`${name}, p${percent} ms`, delays[percent])),
    rowOf(`${name}, % of a core, 100 records a second`, busy),
  ]);
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  // A record waits for half an interval in the mean.
  const ratios = Object.fromEntries(
    intervals.map((interval) => [
      `p50 over half an interval, ${interval} ms`,
      median(`dstream, ${interval} ms, p50 ms`) / (interval / 2),
    ]),
  );
  const unit = `from produce to output, and of a core; ${partitions} partitions`;
  writeResults('latency', { unit, rows, ratios, rounds, seconds, load });
}

await main();
