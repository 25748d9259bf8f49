// Copies a topic to another in transactions: a process to be killed or stopped at any moment, and started again.
import { mapRecords, string } from 'dstream';
import { kafkaBatches, sendToKafka } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { tap } from 'rxjs';

const [brokers = '', input = '', output = '', groupId = '', owner = ''] = process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: owner, brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const say = (line: string) => void process.stdout.write(`${line}\n`);

kafkaBatches(kafka, {
  topics: [input],
  groupId,
  commitOffsets: false,
  start: 'earliest',
  interval: 40,
  maxRatePerPartition: 500,
  deserialize: string(),
})
  .pipe(
    mapRecords((value) => ({ value, partition: Number(value?.split(' ')[0]), headers: { owner } })),
    tap(({ records }) => say(`writing ${records.length}`)),
    sendToKafka(kafka, { topic: output, groupId, transactionTimeout: 10_000 }),
  )
  .subscribe({
    error: (error) => {
      say(`failed ${error.code} ${error.message}`);
      process.exit(1);
    },
  });
