// Reads a topic in which one record ends the process, whenever an output meets it.
//
//     poisonChild.mjs DIRECTORY [BROKERS TOPIC DEAD-LETTERS]    without brokers a log in memory, the same in each life
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchInfo,
  type DeadLetter,
  type DStreamError,
  foreachBatch,
  logBatches,
  memoryLog,
  string,
} from 'dstream';
import { deadLetterTopic, kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
import kafkajs from 'kafkajs';
import { poisonedValues } from './poisonedValues.js';

const [directory = '', brokers, topic = 't', deadLetters = ''] = process.argv.slice(2);
const note = (file: string, line: string) => appendFileSync(join(directory, file), `${line}\n`);

const toFile = {
  next: ({ operator, record, origin, error }: DeadLetter) => {
    note('letters', `${operator} ${record} ${origin?.offset} ${(error as DStreamError).code}`);
  },
};

const options = {
  topics: [topic],
  start: 'earliest',
  interval: 50,
  deserialize: string(),
  checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
  retry: { count: 1, delay: 1 },
  onBatchError: 'bisect',
  batchObserver: {
    next: ({ inputs }: BatchInfo) => {
      const [input] = Object.values(inputs);
      for (const { from, until } of input?.lost ?? []) note('lost', `${from} ${until}`);
      if (input?.lag === 0 && input.ranges.some(({ until }) => until === poisonedValues.length)) void stream.stop();
    },
  },
} as const;

function streamOf() {
  if (brokers === undefined) {
    const log = memoryLog({ topics: { [topic]: 1 } });
    log.append(
      topic,
      poisonedValues.map((value) => ({ value })),
    );
    return logBatches(log, { ...options, onRecordError: toFile });
  }
  const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING });
  const letters = deadLetterTopic(kafka, { topic: deadLetters, groupId: `${topic}-letters` });
  return kafkaBatches(kafka, { ...options, onRecordError: letters });
}

const stream = streamOf();
stream
  .pipe(
    foreachBatch((values) => {
      if (values.includes('poison')) process.kill(process.pid, 'SIGKILL');
      for (const value of values) note('written', `${value}`);
    }),
  )
  .subscribe();
