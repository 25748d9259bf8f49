// What does a count by key and window of event time cost, from a Kafka topic, beside Kafka Streams and beside a window by batch time?
//
//   npm run bench -- eventTimePeers [--records N] [--rounds N] [--streams] [--brokers HOST:PORT]
//
// 10,000 keys in 4 partitions, tumbling windows of a minute over ten minutes of event time, records up to four seconds out of order, five
// allowed; each window comes once. --streams has Kafka Streams count too, which Maven fetches once: one thread, state in memory,
// `suppress(untilWindowCloses)`. Each contender runs in a process of its own, in interleaved rounds.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { jars } from '../scripts/maven.mjs';
import { bundle } from './bundle.js';
import { fillTimed, shape } from './eventTimePeers/topic.js';
import { rowOf, writeResults } from './report.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '5' },
    streams: { type: 'boolean', default: false },
    brokers: { type: 'string' },
  },
});
const records = Number(options.records);
const rounds = Number(options.rounds);
const version = '4.1.0';
const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const data = path('./.data/eventTimePeers');

/** What a process tells. Seconds. */
interface Run {
  readonly whole: number;
  readonly reading: number;
  readonly cpu: number;
  readonly windows: number;
  readonly rssMb: number | null;
}

type Command = (brokers: string, topic: string) => readonly [command: string, args: readonly string[]];

const limits = [String(records), String(shape.window), String(shape.grace)];

function ours(): Readonly<Record<string, Command>> {
  const child = join(data, 'child.mjs');
  bundle(new URL('./eventTimePeers/child.ts', import.meta.url), child);
  const command =
    (name: string): Command =>
    (brokers, topic) => [process.execPath, [child, name, brokers, topic, ...limits]];
  return {
    'dstream, event time': command('dstream, event time'),
    'dstream, batch time': command('dstream, batch time'),
  };
}

function kafkaStreams(directory: string): Readonly<Record<string, Command>> {
  if (!options.streams) return {};
  const library = jars({
    name: 'Kafka Streams',
    version,
    directory: '.kafka-streams',
    artifacts: [
      ['org.apache.kafka', 'kafka-streams', version],
      ['org.slf4j', 'slf4j-simple', '1.7.36'],
    ],
  }).ensure();
  run('javac', ['-d', data, '-cp', library, path('./eventTimePeers/StreamsWindows.java')]);
  const java = ['-Xmx1g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', [data, library].join(delimiter)];
  return {
    'Kafka Streams': (brokers, topic) => [
      'java',
      [...java, 'StreamsWindows', brokers, topic, ...limits, mkdtempSync(join(directory, 'state-'))],
    ],
  };
}

function run(command: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 300_000,
    killSignal: 'SIGKILL',
  });
  if (error || status !== 0) {
    throw new Error(`${command}: ${error?.message ?? `ended with ${status ?? signal}`}\n${stderr.slice(-4_000)}`);
  }
  return stdout;
}

async function main(): Promise<void> {
  mkdirSync(data, { recursive: true });
  const directory = mkdtempSync(join(tmpdir(), 'dstream-peers-'));
  const contenders = { ...ours(), ...kafkaStreams(directory) };
  const cluster = options.brokers === undefined ? await startKafka() : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const topic = `bench-${randomUUID()}`;
  const runs = new Map(Object.keys(contenders).map((name) => [name, [] as Run[]]));
  try {
    console.log(`filling a topic with ${records} records`);
    await fillTimed(brokers, topic, records);
    for (let round = 1; round <= rounds; round++) {
      for (const [name, command] of Object.entries(contenders)) {
        const result: Run = JSON.parse(run(...command(brokers, topic)));
        runs.get(name)?.push(result);
        const { cpu, whole, windows, rssMb } = result;
        const rate = Math.round(records / cpu).toLocaleString('en');
        console.log(
          `round ${round}  ${name.padEnd(22)} ${rate} a CPU second, ${whole.toFixed(1)} s, ${windows} results, ${rssMb} MB`,
        );
      }
      report(runs, round);
    }
  } finally {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** After each round, so that a run that is stopped leaves what it has. */
function report(runs: ReadonlyMap<string, readonly Run[]>, round: number): void {
  const rows = Array.from(runs, ([name, taken]) => ({
    ...rowOf(
      name,
      taken.map(({ cpu }) => records / cpu),
    ),
    reading: rowOf(
      name,
      taken.map(({ reading }) => records / reading),
    ).median,
    rssMb: Math.max(...taken.map(({ rssMb }) => rssMb ?? 0)),
  }));
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const all = {
    eventTimeOverBatchTime: median('dstream, event time') / median('dstream, batch time'),
    eventTimeOverKafkaStreams: median('dstream, event time') / median('Kafka Streams'),
  };
  const ratios = Object.fromEntries(Object.entries(all).filter(([, ratio]) => Number.isFinite(ratio)));
  const [load = 0] = loadavg();
  writeResults('eventTimePeers', { unit: 'records a CPU second', rows, ratios, records, rounds: round, load });
}

await main();
