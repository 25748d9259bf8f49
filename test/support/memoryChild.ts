// Reads a backlog to its end, as an application would, and prints the records and the peak of its memory in MB.
import { foreachBatch, json, mapRecords, type RecordView, reduceBatch } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import kafkajs from 'kafkajs';
import type { Observable } from 'rxjs';

const [topic = '', kind = '', taken = '', endText = ''] = process.argv.slice(2);
const end = Number(endText);

const strings = (view: RecordView): object => ({ key: view.keyText(), value: view.valueText() });

const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
const kafka = new kafkajs.Kafka({ clientId: 'memory', brokers, logLevel: kafkajs.logLevel.NOTHING });

let count = 0;
const stream = kafkaBatches<object>(kafka, {
  topics: [topic],
  start: 'earliest',
  interval: 100,
  deserialize: kind === 'json' ? json() : strings,
});
const asList: Observable<unknown> = stream.pipe(
  foreachBatch((records) => {
    count += records.length;
  }),
);
const oneByOne: Observable<unknown> = stream.pipe(
  mapRecords((record) => Object.keys(record).length),
  reduceBatch((a, b) => a + b),
  foreachBatch((_, { inputs }) => {
    count += inputs.kafka?.records ?? 0;
  }),
);
(taken === 'as a list' ? asList : oneByOne).subscribe({
  next: () => count >= end && void stream.stop(),
  error: (error) => {
    console.error(error);
    process.exit(1);
  },
  complete: () => {
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);
    process.stdout.write(JSON.stringify({ count, peakMb }));
  },
});
