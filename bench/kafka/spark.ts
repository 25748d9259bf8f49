import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCommand, jars } from '../../scripts/maven.mjs';
import type { Contender } from './contenders.js';

const version = '3.5.5';

const spark = jars({
  name: 'Spark',
  version,
  directory: '.spark',
  artifacts: [
    ['org.apache.spark', 'spark-streaming_2.12', version],
    ['org.apache.spark', 'spark-streaming-kafka-0-10_2.12', version],
    // Maven would take older ones of these two than Spark is made for.
    ['com.fasterxml.jackson.core', 'jackson-core', '2.15.2'],
    ['org.slf4j', 'slf4j-api', '2.0.7'],
  ],
});

/**
 * Milliseconds: of 100, 500 and 1,000 the smallest that Spark kept up with (docs/benchmarks.md). As no limit is set, its first
 * batch has all that waits, whatever the interval is.
 */
const interval = 500;

/** The default of spark-submit for a driver. */
const heap = '-Xmx1g';

/** Milliseconds. The direct stream waits for brokers without end, so that nobody else would say that records are missing. */
const timeLimit = 300_000;

const source = fileURLToPath(new URL('./SparkReader.java', import.meta.url));
const classes = fileURLToPath(new URL('../.data/spark', import.meta.url));

/** Spark Streaming (DStreams) by its direct stream, in one process with two cores. Rows only where it was asked for: it is a large download. */
export function sparkContenders(asked: boolean): readonly Contender[] {
  const reason = asked ? whyNot() : 'not asked for: --spark fetches it with Maven (180 MB)';
  if (reason !== undefined) return modes.map((mode) => contender(mode, [], reason));
  const java = prepare();
  return modes.map((mode) => contender(mode, java, undefined));
}

const modes = ['pipeline', 'strings'] as const;

function whyNot(): string | undefined {
  const missing = spark.whyNot() ?? (hasCommand('javac') ? undefined : 'there is no javac');
  if (missing !== undefined) return missing;
  try {
    spark.ensure();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Compiles the reader. Returns the arguments of `java` that run it. */
function prepare(): readonly string[] {
  mkdirSync(classes, { recursive: true });
  run('javac', ['-d', classes, '-cp', spark.ensure(), source]);
  const reader = ['-cp', [classes, spark.ensure()].join(delimiter), 'SparkReader'];
  const options = run('java', reader).trim().split(' ');
  return [...options, heap, ...reader];
}

function contender(mode: (typeof modes)[number], java: readonly string[], reason: string | undefined): Contender {
  return {
    name: `spark streaming, ${mode}`,
    baseOnly: true,
    refuses: () => reason,
    run: (brokers, { name, records, size }) => {
      const directory = mkdtempSync(join(tmpdir(), 'dstream-spark-'));
      try {
        const out = run('java', [...java, mode, brokers, name, String(records), String(interval), directory]);
        const { whole, reading, cpu, count, length, rssMb } = JSON.parse(out);
        if (mode === 'strings' && length !== records * size) {
          throw new Error(`Spark's strings are ${length} characters long and not ${records * size}`);
        }
        const memory = rssMb === null ? {} : { rssMb };
        return { whole: count / whole, reading: count / reading, perCpuSecond: count / cpu, ...memory };
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

/** Runs a command to its end and returns its output. */
function run(command: string, args: readonly string[]): string {
  const limits = { timeout: timeLimit, killSignal: 'SIGKILL' } as const;
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...limits });
  const why = error?.message ?? `it ended with ${status ?? signal}`;
  if (error || status !== 0) throw new Error(`${command} ${args.slice(-6).join(' ')}: ${why}\n${stderr.slice(-4_000)}`);
  return stdout;
}
