import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';
import { hasCommand } from '../../scripts/maven.mjs';
import { bundle } from '../../test/support/bundle.js';

/** What one reader saw. */
interface Measured {
  /** How much of a core its process used. */
  readonly core: number;
  /** From `produce` to the output of each record, in ms. */
  readonly delays: readonly number[];
}

export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const built = (file: string) => fileURLToPath(new URL(`../.data/latency/${file}`, import.meta.url));

/** What reader.ts does under this name. */
export function inNode(name: string): Contender {
  return { name, command: process.execPath, args: [built('reader.mjs'), name] };
}

/** The readers with Node, and Java's client where there is Java. */
export function buildContenders(intervals: readonly number[]): readonly Contender[] {
  mkdirSync(built(''), { recursive: true });
  bundle(new URL('./reader.ts', import.meta.url), built('reader.mjs'));
  bundle(new URL('./producer.ts', import.meta.url), built('producer.mjs'));
  const names = [...intervals.map((interval) => `dstream, ${interval} ms`), 'kafkajs eachMessage'];
  const ours = names.map(inNode);
  if (!hasCommand('javac')) {
    console.log('absent: java consumer (javac is not installed)');
    return ours;
  }
  const classpath = [built(''), ensureKafka()].join(delimiter);
  const { status } = spawnSync(
    'javac',
    ['-d', built(''), '-cp', classpath, fileURLToPath(new URL('./LatencyReader.java', import.meta.url))],
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) throw new Error(`javac ended with ${status}`);
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
  return [...ours, { name: 'java consumer', command: 'java', args: ['-cp', classpath, quiet, 'LatencyReader'] }];
}

/** Produces for so long, in a process of its own. */
export function produce(brokers: string, topic: string, partitions: number, seconds: number): void {
  execFileSync(process.execPath, [built('producer.mjs'), brokers, topic, String(partitions), String(seconds)]);
}

/** Starts a reader, has `work` done once it reads and has settled, and returns what it saw meanwhile. */
export async function measure(
  { name, command, args }: Contender,
  brokers: string,
  topic: string,
  work: () => void | Promise<void>,
  settleMs = 5_000,
): Promise<Measured> {
  const reader = spawn(command, [...args, brokers, topic], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const lines = createInterface({ input: reader.stdout })[Symbol.asyncIterator]();
    await nextLine(name, reader, lines);
    // The first seconds of a process are those of its compiler.
    await sleep(settleMs);
    reader.stdin.write('start\n');
    await work();
    reader.stdin.write('stop\n');
    return JSON.parse(await nextLine(name, reader, lines)) as Measured;
  } finally {
    reader.kill('SIGKILL');
  }
}

async function nextLine(name: string, reader: ChildProcess, lines: AsyncIterator<string>): Promise<string> {
  const { done, value } = await lines.next();
  if (done) throw new Error(`${name} ended with ${reader.exitCode ?? reader.signalCode}`);
  return value;
}
