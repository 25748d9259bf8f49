// What does a count by key and window of event time cost, from a Kafka topic, beside Kafka Streams, Spark Structured Streaming and a window by
// batch time?
//
//   npm run bench -- eventTimePeers [--records N] [--rounds N] [--streams] [--spark] [--brokers HOST:PORT]
//
// 10,000 keys in 4 partitions, tumbling windows of a minute over ten minutes of event time, records up to four seconds out of order, five
// allowed; each window comes once. --streams has Kafka Streams count too (one thread, state in memory, `suppress(untilWindowCloses)`), --spark
// has Spark Structured Streaming do so (`withWatermark`, `append`); Maven fetches each once. The contenders must have the same results.
//
// Each contender runs in a process of its own, in interleaved rounds, all its threads on one core: where there is `taskset`, the broker
// and this process use the others.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/kafka-broker.mjs';
import {
  type Commands,
  core,
  kafkaStreams,
  leaveCore,
  ours,
  runAlone,
  sparkStructuredStreaming,
} from './eventTimePeers/commands.js';
import { fillTimed } from './eventTimePeers/topic.js';
import { printTable, rowOf, writeResults } from './report.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '4000000' },
    rounds: { type: 'string', default: '5' },
    streams: { type: 'boolean', default: false },
    spark: { type: 'boolean', default: false },
    brokers: { type: 'string' },
  },
});
const records = Number(options.records);
const rounds = Number(options.rounds);

/** What a process reports. Seconds: `reading` and `cpu` from the moment it knows its partitions, the others from its first line on. */
interface Run {
  readonly whole: number;
  readonly reading: number;
  readonly cpu: number;
  readonly wholeCpu: number;
  readonly windows: number;
  /** Of all results; batch time has others in each run. */
  readonly checksum: number;
  readonly rssMb: number | null;
}

const byBatchTime = 'dstream, batch time';

function contenders(scratch: string): Commands {
  const places = { classes: fileURLToPath(new URL('./.data/eventTimePeers', import.meta.url)), scratch };
  return {
    ...ours(records, places),
    ...(options.streams && kafkaStreams(records, places)),
    ...(options.spark && sparkStructuredStreaming(records, places)),
  };
}

async function main(): Promise<void> {
  leaveCore();
  const scratch = mkdtempSync(join(tmpdir(), 'dstream-peers-'));
  const commands = contenders(scratch);
  const cluster = options.brokers === undefined ? await startKafka({ longLived: true }) : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const topic = `bench-${randomUUID()}`;
  const runs = new Map(Object.keys(commands).map((name) => [name, [] as Run[]]));
  try {
    console.log(`filling a topic with ${records} records`);
    await fillTimed(brokers, topic, records);
    for (let round = 1; round <= rounds; round++) {
      for (const [name, command] of Object.entries(commands)) {
        const result: Run = JSON.parse(runAlone(command(brokers, topic)));
        runs.get(name)?.push(result);
        console.log(`round ${round}  ${name.padEnd(28)} ${described(result)}`);
      }
      compare(runs);
      report(runs, round);
    }
  } finally {
    await cluster?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function described({ cpu, reading, whole, windows, rssMb }: Run): string {
  const rate = (seconds: number) => Math.round(records / seconds).toLocaleString('en');
  return `${rate(cpu)} a CPU second, ${rate(reading)}/s, ${whole.toFixed(1)} s in all, ${windows} results, ${rssMb} MB`;
}

function compare(runs: ReadonlyMap<string, readonly Run[]>): void {
  const results = Array.from(runs, ([name, taken]) => taken.map(({ windows, checksum }) => [name, windows, checksum]));
  const distinct = new Set(
    results
      .flat()
      .filter(([name]) => name !== byBatchTime)
      .map(([, ...result]) => result.join(' ')),
  );
  if (distinct.size !== 1) throw new Error(`the contenders have other results: ${JSON.stringify(results)}`);
}

/** After each round, so that a run that is stopped leaves what it has. */
function report(runs: ReadonlyMap<string, readonly Run[]>, round: number): void {
  const rows = Array.from(runs, ([name, taken]) => {
    const rates = (of: (run: Run) => number) =>
      rowOf(
        name,
        taken.map((run) => records / of(run)),
      );
    return {
      ...rates(({ cpu }) => cpu),
      reading: rates(({ reading }) => reading).median,
      wholeCpu: rates(({ wholeCpu }) => wholeCpu).median,
      rssMb: Math.max(...taken.map(({ rssMb }) => rssMb ?? 0)),
    };
  });
  // Of each round by itself: what else runs on the machine changes from round to round.
  const ratioOf = (figure: 'cpu' | 'reading', other: string) => {
    const ours = runs.get('dstream, event time') ?? [];
    const theirs = runs.get(other) ?? [];
    return rowOf(
      other,
      theirs.map((run, i) => run[figure] / (ours[i]?.[figure] ?? Number.NaN)),
    ).median;
  };
  const all = {
    eventTimeOverBatchTime: ratioOf('cpu', byBatchTime),
    eventTimeOverKafkaStreams: ratioOf('cpu', 'Kafka Streams'),
    eventTimeOverKafkaStreamsByTheClock: ratioOf('reading', 'Kafka Streams'),
    eventTimeOverSpark: ratioOf('cpu', 'Spark Structured Streaming'),
    eventTimeOverSparkByTheClock: ratioOf('reading', 'Spark Structured Streaming'),
  };
  const ratios = Object.fromEntries(Object.entries(all).filter(([, ratio]) => Number.isFinite(ratio)));
  const [load = 0] = loadavg();
  const unit = 'records a CPU second, while reading';
  const oneCore = core !== undefined;
  writeResults('eventTimePeers', { unit, rows, ratios, records, rounds: round, oneCore, load });
  if (round < rounds) return;
  const shown = (value: number) => Math.round(value).toLocaleString('en');
  printTable(
    ['records a second', 'of processor time', 'by the clock', 'of processor time, with the start', 'MB'],
    rows.map(({ name, median, reading, wholeCpu, rssMb }) => [name, ...[median, reading, wholeCpu, rssMb].map(shown)]),
  );
}

await main();
