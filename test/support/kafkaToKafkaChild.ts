// Copies a topic to another in transactions, and where `beside` names a file into that too, which takes longer: a process to be killed
// or stopped at any moment, and started again.
import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, mapRecords, string } from 'dstream';
import { kafkaBatches, sendToKafka } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { EMPTY, merge, share, tap } from 'rxjs';

const [brokers = '', input = '', output = '', groupId = '', owner = '', beside = ''] = process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: owner, brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const say = (line: string) => void process.stdout.write(`${line}\n`);

const lines = kafkaBatches(kafka, {
  topics: [input],
  groupId,
  commitOffsets: false,
  start: 'earliest',
  interval: 40,
  maxRatePerPartition: 500,
  deserialize: string(),
}).pipe(share());

const copied = lines.pipe(
  mapRecords((value) => ({ value, partition: Number(value?.split(' ')[0]), headers: { owner } })),
  tap(({ records }) => say(`writing ${records.length}`)),
  sendToKafka(kafka, { topic: output, groupId, transactionTimeout: 10_000 }),
);
const appended = lines.pipe(
  foreachBatch(async (values) => {
    if (values.length === 0) return;
    await sleep(60);
    await appendFile(beside, values.map((value) => `${value}\n`).join(''));
  }),
);

merge(copied, beside === '' ? EMPTY : appended).subscribe({
  error: (error) => {
    say(`failed ${error.code} ${error.message}`);
    process.exit(1);
  },
});
