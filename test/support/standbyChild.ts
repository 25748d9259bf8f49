// BROKERS INPUT STATE GROUP COPY: one of several processes that share the tasks of a group and keep copies of each other's states: counts the records of
// each key. Writes what happens in its group, `read TASK FROM RECORDS` when it has read a changelog, and `sum TASK COUNT` after each batch with records.
import { foreachBatch, mapRecords, type Pair, type RecordView, updateStateByKey } from 'dstream';
import { kafkaCheckpoint, kafkaTasks } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';
import { KafkajsChangelog } from '../../src/sources/kafka/kafkajs/kafkajsChangelog.js';

const [brokers = '', input = '', topic = '', groupId = '', copy = ''] = process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const say = (line: string) => void process.stdout.write(`${line}\n`);
process.on('warning', ({ message }) => say(`warning ${message}`));

const { read } = KafkajsChangelog.prototype;
KafkajsChangelog.prototype.read = async function (this: KafkajsChangelog, position, visit, progress) {
  let records = 0;
  const visited: typeof visit = (record) => {
    records++;
    visit(record);
  };
  const end = await read.call(this, position, visited, progress);
  // Those of a copy that is kept for another process have somebody who looks on.
  if (!progress) say(`read ${this.location.split('/')[1]} ${position.offset} ${records}`);
  return end;
};

const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const tasks = kafkaTasks(kafka, {
  topics: [input],
  groupId,
  sessionTimeout: 6_000,
  heartbeatInterval: 500,
  start: 'earliest',
  interval: 200,
  standbys: 1,
  deserialize: (view: RecordView) => view.keyText() ?? '',
  checkpoint: ({ partition, of }) =>
    kafkaCheckpoint(kafka, { topic, partition, partitions: of, copy, transactionTimeout: 10_000 }),
  groupObserver: {
    next: ({ type, tasks, behind = '' }) => say(`group ${type} ${tasks} ${behind}`),
  },
});
tasks
  .pipe(
    mergeMap((task) =>
      task.pipe(
        mapRecords((key): Pair<string, number> => [key, 1]),
        updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id: 'counts' }),
        foreachBatch((counts) => {
          const sum = counts.reduce((all, [, n]) => all + n, 0);
          if (sum > 0) say(`sum ${task.task.id} ${sum}`);
        }),
      ),
    ),
  )
  .subscribe({
    error: (error) => {
      say(`failed ${error.code} ${error.message}`);
      process.exit(1);
    },
  });
process.once('SIGTERM', () => void tasks.stop().then(() => process.exit(0)));
