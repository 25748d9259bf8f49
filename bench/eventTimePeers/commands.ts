import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCommand, jars } from '../../scripts/maven.mjs';
import { bundle } from '../../test/support/bundle.js';
import { shape } from './topic.js';

/** What runs a contender over a topic. */
type Command = (brokers: string, topic: string) => readonly [command: string, args: readonly string[]];
export type Commands = Readonly<Record<string, Command>>;

/** Where contenders are compiled to, and where they keep what they need while they run. */
interface Places {
  readonly classes: string;
  readonly scratch: string;
}

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const limitsOf = (records: number) => [records, shape.window, shape.grace].map(String);
/** The default of spark-submit for a driver; the same for the other. */
const heap = '-Xmx1g';

export function ours(records: number, { classes }: Places): Commands {
  mkdirSync(classes, { recursive: true });
  const child = join(classes, 'child.mjs');
  bundle(new URL('./child.ts', import.meta.url), child);
  const command =
    (name: string): Command =>
    (brokers, topic) => [process.execPath, [child, name, brokers, topic, ...limitsOf(records)]];
  return {
    'dstream, event time': command('dstream, event time'),
    'dstream, batch time': command('dstream, batch time'),
  };
}

const streams = jars({
  name: 'Kafka Streams',
  version: '4.1.0',
  directory: '.kafka-streams',
  artifacts: [
    ['org.apache.kafka', 'kafka-streams', '4.1.0'],
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
  ],
});

export function kafkaStreams(records: number, { classes, scratch }: Places): Commands {
  const library = streams.ensure();
  compile('StreamsWindows', classes, library);
  const java = [heap, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', [classes, library].join(delimiter)];
  return {
    'Kafka Streams': (brokers, topic) => [
      'java',
      [...java, 'StreamsWindows', brokers, topic, ...limitsOf(records), mkdtempSync(join(scratch, 'streams-'))],
    ],
  };
}

const spark = jars({
  name: 'Spark Structured Streaming',
  version: '4.2.0',
  directory: '.spark-sql',
  artifacts: [
    ['org.apache.spark', 'spark-sql_2.13', '4.2.0'],
    ['org.apache.spark', 'spark-sql-kafka-0-10_2.13', '4.2.0'],
  ],
});

export function sparkStructuredStreaming(records: number, { classes, scratch }: Places): Commands {
  const library = spark.ensure();
  compile('SparkWindows', classes, library);
  const main = ['-cp', [classes, library].join(delimiter), 'SparkWindows'];
  const options = run('java', main).trim().split(' ');
  return {
    'Spark Structured Streaming': (brokers, topic) => [
      'java',
      [...options, heap, ...main, brokers, topic, ...limitsOf(records), mkdtempSync(join(scratch, 'spark-'))],
    ],
  };
}

/** The core that contenders run on, all their threads; `undefined` where that cannot be chosen. */
export const core: number | undefined =
  hasCommand('taskset') && availableParallelism() > 1 ? availableParallelism() - 1 : undefined;

/** Leaves the core of the contenders to them: this process, and the broker that it starts, use the others. */
export function leaveCore(): void {
  if (core !== undefined) run('taskset', ['--all-tasks', '--cpu-list', '--pid', `0-${core - 1}`, String(process.pid)]);
}

/** Runs a contender on its core. */
export function runAlone([command, args]: ReturnType<Command>): string {
  return core === undefined ? run(command, args) : run('taskset', ['--cpu-list', String(core), command, ...args]);
}

/** With what both contenders sum up their results by. */
function compile(name: string, classes: string, library: string): void {
  const sources = [name, 'WindowTally'].map((one) => path(`./${one}.java`));
  run('javac', ['-d', classes, '-cp', library, ...sources]);
}

function run(command: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 900_000,
    killSignal: 'SIGKILL',
  });
  if (error || status !== 0) {
    throw new Error(`${command}: ${error?.message ?? `ended with ${status ?? signal}`}\n${stderr.slice(-4_000)}`);
  }
  return stdout;
}
