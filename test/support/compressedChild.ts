// Reads a topic to its end with a checkpoint, and writes a line for each batch: time, records, sum of their numbers, characters.
// Kills itself inside the output of its n-th batch, if it is to.
import { appendFileSync } from 'node:fs';
import { foreachBatch, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
import kafkajs from 'kafkajs';
import { registerCodecs } from './codecs.js';

const [topic = '', directory = '', output = '', maxBytesPerBatch = '', dieAt = ''] = process.argv.slice(2);
const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
const kafka = new kafkajs.Kafka({ clientId: 'compressed', brokers, logLevel: kafkajs.logLevel.NOTHING });

await registerCodecs();
let batches = 0;
const stream = kafkaBatches(kafka, {
  topics: [topic],
  start: 'earliest',
  interval: 200,
  deserialize: string(),
  maxBytesPerBatch: Number(maxBytesPerBatch),
  checkpoint: fileCheckpoint(directory),
});
stream
  .pipe(
    foreachBatch((records, { time }) => {
      if (records.length === 0) return;
      let sum = 0;
      let characters = 0;
      for (const record of records) {
        sum += Number.parseInt(record ?? '', 10);
        characters += record?.length ?? 0;
      }
      appendFileSync(output, `${JSON.stringify([time, records.length, sum, characters])}\n`);
      if (++batches === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
    }),
  )
  .subscribe({
    next: ({ context }) => {
      if (batches > 0 && context.inputs.kafka?.lag === 0) void stream.stop();
    },
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
