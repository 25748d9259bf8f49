// One of several processes that share the flights of a topic, with a total for each airport. `npm run demo -- --brokers HOST:PORT --processes 3`
// starts three of them, compose.yaml too. State and results are in Kafka alone.
import { parseArgs } from 'node:util';
import { json } from 'dstream';
import { kafkaCheckpoint, kafkaTasks, sendInTransaction } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';
import type { Flight } from './flight.js';
import { kafkaSink } from './replay.js';
import { totalsOf } from './totals.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    topic: { type: 'string', default: 'flights-2001' },
    /** Of the topic, where it is missing. */
    partitions: { type: 'string', default: '6' },
    session: { type: 'string', default: '6000' },
  },
});
const { topic } = values;
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: 'flights', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
// Its own output and, where it is there before what writes to it, its input.
await (await kafkaSink(kafka, topic, Number(values.partitions))).close();
await (await kafkaSink(kafka, `${topic}-totals`, 1)).close();

const tasks = kafkaTasks(kafka, {
  topics: [topic],
  groupId: topic,
  start: 'earliest',
  interval: 500,
  sessionTimeout: Number(values.session),
  deserialize: json<Flight>(),
  // The state of a task is in the partition with its number: the process that has the task reads it.
  checkpoint: ({ partition, of }) => kafkaCheckpoint(kafka, { topic: `${topic}-state`, partition, partitions: of }),
  groupObserver: {
    next: ({ type, tasks }) => {
      if (tasks.length > 0) console.log(`${type} ${tasks.join(' ')}`);
    },
  },
});
tasks
  .pipe(mergeMap((task) => totalsOf(task).pipe(sendInTransaction(task.checkpoint, { topic: `${topic}-totals` }))))
  .subscribe({
    error: (error) => {
      console.error(error.message);
      process.exit(1);
    },
  });

// It ends with the process that has started it, if that one is killed.
process.once('disconnect', () => process.exit(1));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await tasks.stop();
    process.exit();
  });
}
