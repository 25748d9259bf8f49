// One contender of `npm run bench -- tasks --kafka`: node kafkaChild.mjs KIND BROKERS TOPIC SECONDS. It reads what is new: for SECONDS with short
// intervals, so that everything is compiled, then with those that are measured. At each line on its standard input it prints the processor time and
// the records since the line before, as JSON.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { kafkaBatches, kafkaTasks } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { concat, defer, mergeMap, type Observable, takeUntil, timer } from 'rxjs';
import { counting, toPair } from './counting.js';
import { interval } from './topic.js';

const [kind = '', brokers = '', topic = '', warmUp = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const { records, work } = counting(0);
const job = (interval: number): Observable<unknown> => {
  const source = {
    topics: [topic],
    groupId: `bench-${randomUUID()}`,
    interval,
    start: 'latest',
    deserialize: toPair,
  } as const;
  return kind === 'driver'
    ? work(kafkaBatches(kafka, source))
    : kafkaTasks(kafka, source).pipe(mergeMap((task) => work(task)));
};
const running = concat(
  job(interval / 20).pipe(takeUntil(timer(Number(warmUp) * 1_000))),
  defer(() => job(interval)),
);
running.subscribe({
  error: (error) => {
    console.error(error);
    process.exit(1);
  },
});
let cpu = process.cpuUsage();
let before = 0;
createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ ms: (user + system) / 1_000, records: records() - before }));
    cpu = process.cpuUsage();
    before = records();
  })
  .on('close', () => process.exit());
