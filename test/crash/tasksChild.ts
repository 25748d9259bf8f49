// One of several processes that share the tasks of a group: windows, totals and states that time out over a topic, written exactly once
// to a table, to a topic, or to a topic with its state in another one. It is killed, stopped and ended at any moment.
//
//     tasksChild.mjs SETUP
import { type Batch, logTasks, type RecordView, type TaskInfo, transformBatch } from 'dstream';
import { type KafkaCheckpoint, KafkajsClient, kafkaCheckpoint, sendInTransaction, sendToKafka } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, postgresCheckpoint } from 'dstream/node';
import { mergeMap, type OperatorFunction, pipe } from 'rxjs';
import { KafkajsGroupClient } from '../../src/sources/kafka/kafkajs/kafkajsGroupClient.js';
import { newKafka } from './kafkaLog.js';
import { pointedKafka } from './outputTopic.js';
import { pointedPool } from './pointedPool.js';
import { interval, type TaskEvent, taskOutputs } from './tasksOperators.js';
import { groupPoint, pointedGroup, pointedLog, pointedOpening, tasksPoint } from './tasksPoint.js';
import type { TasksSetup } from './tasksRound.js';
import { unfencedKafka } from './unfencedKafka.js';
import { unfencedPool } from './unfencedPool.js';

const { brokers, topic, groupId, output, to, sessionTimeout, instanceId, unfenced }: TasksSetup = JSON.parse(
  process.argv[2] ?? '{}',
);
const kafka = newKafka(brokers);
/** One for all outputs: they share a transaction. */
const outputKafka = pointedKafka(unfenced ? unfencedKafka(kafka) : kafka, tasksPoint);
const pool = unfenced ? unfencedPool(pointedPool(tasksPoint)) : pointedPool(tasksPoint);
const say = (line: string) => void process.stdout.write(`${line}\n`);
const insert = `insert into ${output} (name, lines) values ($1, $2)`;

const transactionTimeout = 30_000;

/** Where each task keeps its state. */
function checkpointOf({ id, partition, of }: TaskInfo): KafkaCheckpoint | PostgresCheckpoint {
  if (to !== 'kafka') return pointedOpening(postgresCheckpoint(pool, { job: `${groupId}/${id}` }));
  const place = { topic: `${topic}_state`, partition, partitions: of, transactionTimeout };
  return pointedOpening(kafkaCheckpoint(outputKafka, place));
}

const tasks = logTasks<TaskEvent, KafkaCheckpoint | PostgresCheckpoint>(
  pointedLog(new KafkajsClient(kafka)),
  { client: () => pointedGroup(new KafkajsGroupClient('tasks', kafka)) },
  {
    topics: [topic],
    groupId,
    commitOffsets: to !== 'topic',
    start: 'earliest',
    interval,
    deserialize: (view: RecordView) => ({ key: view.keyText() ?? '', offset: view.offset }),
    checkpoint: checkpointOf,
    sessionTimeout,
    ...(instanceId && { instanceId }),
    groupObserver: {
      next: (event) => {
        say(`group ${event.type} ${event.tasks}`);
        groupPoint(event);
      },
    },
  },
);

/** Writes the records of each batch under the task and the time. */
function save(checkpoint: KafkaCheckpoint | PostgresCheckpoint, task: string) {
  return (name: string): OperatorFunction<Batch<string>, unknown> => {
    const nameAt = (time: number) => `${name}-${task}-${time}`;
    if (to === 'table') {
      return foreachBatchInTransaction(checkpoint as PostgresCheckpoint, async (transaction, lines, { time }) => {
        await transaction.query(insert, [nameAt(time), JSON.stringify(lines)]);
        tasksPoint('output:written');
      });
    }
    const messages = transformBatch((lines: readonly string[], { time }) => [
      { partition: 0, value: JSON.stringify([nameAt(time), lines]) },
    ]);
    return to === 'topic'
      ? pipe(messages, sendToKafka(outputKafka, { topic: output, groupId, transactionTimeout }))
      : pipe(messages, sendInTransaction(checkpoint as KafkaCheckpoint, { topic: output }));
  };
}

tasks.pipe(mergeMap((task) => taskOutputs(task, save(task.checkpoint, task.task.id)))).subscribe({
  error: (error) => {
    say(`failed ${error.code} ${error.message}`);
    process.exit(1);
  },
  complete: () => say('complete'),
});
process.once('SIGTERM', () => {
  void tasks.stop().then(() => process.exit(0));
});
