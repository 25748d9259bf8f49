// One of the processes of bench/processes.bench.ts: maps the records of its tasks, or of all partitions. It reads nothing until it hears `go`,
// and tells its processor time since then when it hears `end`.
//
//     member.mjs SETUP
import { createInterface } from 'node:readline';
import { foreachBatch, mapRecords, type RateControllerFactory, string } from 'dstream';
import { kafkaBatches, kafkaTasks } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap, type Observable } from 'rxjs';
import { costed } from '../threads/costed.js';

/** The setup that a process receives. */
export interface MemberSetup {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  readonly kind: 'tasks' | 'driver';
  /** What the map costs, in turns of a loop for each record. */
  readonly turns: number;
  readonly interval: number;
  /** Records a second of each partition. */
  readonly rate: number;
}

const setup: MemberSetup = JSON.parse(process.argv[2] ?? '{}');
const { topic, groupId, kind, interval, rate } = setup;
const say = (line: string) => void process.stdout.write(`${line}\n`);
let goes = false;
const gate: RateControllerFactory = () => ({ completed: () => {}, rate: () => (goes ? 1e9 : 0) });
const kafka = new Kafka({ brokers: setup.brokers.split(','), logLevel: logLevel.NOTHING });
const map = costed(setup.turns);
let sum = 0;
const work = (stream: Observable<never>) =>
  stream.pipe(
    mapRecords((value: string | null) => map(value ?? '')),
    foreachBatch((results) => {
      for (const result of results) sum += result;
    }),
  );
const source = {
  topics: [topic],
  groupId,
  start: 'earliest',
  interval,
  maxRatePerPartition: rate,
  backpressure: gate,
  deserialize: string(),
} as const;
let running: Observable<unknown>;
if (kind === 'driver') running = work(kafkaBatches(kafka, source) as unknown as Observable<never>);
else {
  const groupObserver = {
    next: ({ type, tasks }: { readonly type: string; readonly tasks: readonly string[] }) => say(`${type} ${tasks}`),
  };
  const tasks = kafkaTasks(kafka, { ...source, groupObserver, keys: 'unchecked' });
  running = tasks.pipe(mergeMap((task) => work(task as unknown as Observable<never>)));
}
let hasBegun = false;
running.subscribe({
  next: () => {
    if (!hasBegun) say('begun');
    hasBegun = true;
  },
  error: (error) => {
    console.error(error);
    process.exit(1);
  },
});
let before = process.cpuUsage();
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'go') {
    before = process.cpuUsage();
    goes = true;
  } else {
    const { user, system } = process.cpuUsage(before);
    say(`spent ${(user + system) / 1_000} ${sum}`);
    process.exit(0);
  }
});
