// One of several processes that share the flights of a topic, with a total for each airport. `npm run demo -- --brokers HOST:PORT --processes 3`
// starts three of them, compose.yaml too. State is kept in a folder that all of them see.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { json } from 'dstream';
import { kafkaTasks, sendToKafka } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
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
    /** Where the state of each task is kept. */
    state: { type: 'string', default: 'flights-state' },
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
  // The transactions of the output commit them.
  commitOffsets: false,
  start: 'earliest',
  interval: 500,
  sessionTimeout: Number(values.session),
  deserialize: json<Flight>(),
  checkpoint: ({ id }) => {
    const folder = join(values.state, id);
    mkdirSync(folder, { recursive: true });
    return fileCheckpoint(folder);
  },
  groupObserver: {
    next: ({ type, tasks }) => {
      if (tasks.length > 0) console.log(`${type} ${tasks.join(' ')}`);
    },
  },
});
tasks
  .pipe(mergeMap((task) => totalsOf(task).pipe(sendToKafka(kafka, { topic: `${topic}-totals`, groupId: topic }))))
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
