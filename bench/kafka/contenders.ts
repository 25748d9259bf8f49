import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';
import { hasCommand } from '../../scripts/maven.mjs';
import { bundle } from '../../test/support/bundle.js';
import type { Topic } from './topics.js';

/** One reading of one topic. Rates are records a second. */
export interface Run {
  /** From the making of the client to the last record: connecting and joining included, for Spark its start. kcat: the whole process. */
  readonly whole: number;
  /** From knowing the partitions to the last record. kcat does not say when that is: as `whole`. */
  readonly reading: number;
  /** A second of its process's CPU time, all threads together; Java's has the start of the JVM in it, Spark's that of Spark. */
  readonly perCpuSecond?: number;
  readonly rssMb?: number;
}

export interface Contender {
  readonly name: string;
  /** Reads only the topic that has no label. */
  readonly baseOnly: boolean;
  /** Why it cannot read a topic, if so. */
  refuses(topic: Topic): string | undefined;
  run(brokers: string, topic: Topic): Run;
}

const reader = fileURLToPath(new URL('../.data/kafkaReader.mjs', import.meta.url));

export function buildReader(): void {
  bundle(new URL('./reader.ts', import.meta.url), reader);
}

function inNode(name: string, baseOnly: boolean, refuses: Contender['refuses'] = () => undefined): Contender {
  return {
    name,
    baseOnly,
    refuses,
    run: (brokers, topic) => {
      const args = [reader, name, brokers, topic.name, String(topic.records), topic.label];
      const { whole, reading, cpu, count, rssMb } = JSON.parse(
        execFileSync(process.execPath, args, { encoding: 'utf8' }),
      );
      return { whole: count / whole, reading: count / reading, perCpuSecond: count / cpu, rssMb };
    },
  };
}

/** Runs a command to its end. Returns its output and its CPU time in seconds, all threads together. */
function timed(command: string, args: readonly string[]): { readonly out: string; readonly cpu: number } {
  const script = 'TIMEFORMAT="%U %S"; time "$@" 2>/dev/null';
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', command, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  const [user = 0, system = 0] = stderr.trim().split(' ').map(Number);
  return { out: stdout, cpu: user + system };
}

/** `-c` ends it at the last record: it would learn of the end of a partition only after a fetch that waits without effect. */
const kcat: Contender = {
  name: 'librdkafka (kcat)',
  baseOnly: false,
  refuses: () => missing('kcat'),
  run: (brokers, { name, records }) => {
    const started = performance.now();
    const args = ['-C', '-q', '-c', String(records), '-b', brokers, '-t', name, '-o', 'beginning', '-f', ''];
    const { cpu } = timed('kcat', args);
    const rate = records / ((performance.now() - started) / 1_000);
    return { whole: rate, reading: rate, perCpuSecond: records / cpu };
  },
};

/**
 * Java's own tool: `nMsg.sec` counts from `subscribe`, with the JVM running and the consumer made; `fetch.nMsg.sec` leaves
 * out the time until the partitions are assigned. It makes no string of a record and checks no CRC.
 */
const java: Contender = {
  name: 'java ConsumerPerformance',
  baseOnly: false,
  refuses: () => missing('java'),
  run: (brokers, { name, records }) => {
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
    const tool = ['-cp', ensureKafka(), quiet, 'org.apache.kafka.tools.ConsumerPerformance'];
    const where = ['--bootstrap-server', brokers, '--topic', name, '--group', randomUUID()];
    const args = [...tool, ...where, '--messages', String(records), '--timeout', '60000'];
    const { out, cpu } = timed('java', args);
    const [header = [], figures = []] = out
      .trim()
      .split('\n')
      .slice(-2)
      .map((line) => line.split(',').map((cell) => cell.trim()));
    const figure = (column: string) => {
      const value = Number(figures[header.indexOf(column)]);
      if (!(value > 0)) throw new Error(`ConsumerPerformance gave no ${column}: ${out}`);
      return value;
    };
    return { whole: figure('nMsg.sec'), reading: figure('fetch.nMsg.sec'), perCpuSecond: records / cpu };
  },
};

/** Why a contender is absent: said at the end, and kept with the results. */
function missing(command: string): string | undefined {
  return hasCommand(command) ? undefined : `${command} is not installed`;
}

const noZstd = ({ label }: Topic) =>
  label === 'zstd' && !('zstdDecompressSync' in zlib) ? `no zstd in Node ${process.versions.node}` : undefined;

/** In the order of their rows. */
export function contenders(): readonly Contender[] {
  return [
    inNode('dstream views', false),
    inNode('dstream views, CRC checked', true),
    inNode('dstream strings', false),
    inNode('dstream strings, all monitors', true),
    inNode('dstream strings, kept', true),
    inNode('dstream json', true),
    inNode('dstream pipeline', true),
    inNode('kafkajs eachBatch', false),
    inNode('platformatic stream', false, noZstd),
    kcat,
    java,
  ];
}
