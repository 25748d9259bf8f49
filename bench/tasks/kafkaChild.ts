// One contender of `npm run bench -- tasks --kafka`: node kafkaChild.mjs KIND BROKERS TOPIC. It reads what is new, prints a line when it works, and at
// each line on its standard input the processor time and the records since the line before, as JSON.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { kafkaBatches, kafkaTasks } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap, type Observable } from 'rxjs';
import { counting, toPair } from './counting.js';
import { interval } from './topic.js';

const [kind = '', brokers = '', topic = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const source = { topics: [topic], groupId: `bench-${randomUUID()}`, interval, deserialize: toPair } as const;
const { records, work } = counting(0);
const running: Observable<unknown> =
  kind === 'driver'
    ? work(kafkaBatches(kafka, { ...source, start: 'latest' }))
    : kafkaTasks(kafka, { ...source, start: 'latest' }).pipe(mergeMap((task) => work(task)));
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
