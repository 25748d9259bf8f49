// One of several processes that share the tasks of a group: windows, totals and states that time out over a topic, written exactly once
// to a table or to a topic. It is killed, stopped and ended at any moment.
//
//     tasksChild.mjs SETUP
import { type Batch, logTasks, type RecordView, transformBatch } from 'dstream';
import { KafkajsClient, sendToKafka } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, postgresCheckpoint } from 'dstream/node';
import { mergeMap, type OperatorFunction, pipe } from 'rxjs';
import { KafkajsGroupClient } from '../../src/sources/kafka/kafkajs/kafkajsGroupClient.js';
import { newKafka } from './kafkaLog.js';
import { pointedKafka } from './outputTopic.js';
import { pointedPool } from './pointedPool.js';
import { interval, type TaskEvent, taskOutputs } from './tasksOperators.js';
import { groupPoint, pointedGroup, pointedLog, pointedOpening, tasksPoint } from './tasksPoint.js';
import type { TasksSetup } from './tasksRound.js';
import { unfencedPool } from './unfencedPool.js';

const { brokers, topic, groupId, output, to, sessionTimeout, instanceId, unfenced }: TasksSetup = JSON.parse(
  process.argv[2] ?? '{}',
);
const kafka = newKafka(brokers);
/** One for all outputs: they share a transaction. */
const outputKafka = pointedKafka(kafka, tasksPoint);
const pool = unfenced ? unfencedPool(pointedPool(tasksPoint)) : pointedPool(tasksPoint);
const say = (line: string) => void process.stdout.write(`${line}\n`);
const insert = `insert into ${output} (name, lines) values ($1, $2)`;

const tasks = logTasks<TaskEvent, PostgresCheckpoint>(
  pointedLog(new KafkajsClient(kafka)),
  { client: () => pointedGroup(new KafkajsGroupClient('tasks', kafka)) },
  {
    topics: [topic],
    groupId,
    commitOffsets: to === 'table',
    start: 'earliest',
    interval,
    deserialize: (view: RecordView) => ({ key: view.keyText() ?? '', offset: view.offset }),
    checkpoint: ({ id }) => pointedOpening(postgresCheckpoint(pool, { job: `${groupId}/${id}` })),
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
function save(checkpoint: PostgresCheckpoint, task: string) {
  return (name: string): OperatorFunction<Batch<string>, unknown> => {
    const nameAt = (time: number) => `${name}-${task}-${time}`;
    if (to === 'topic') {
      return pipe(
        transformBatch((lines: readonly string[], { time }) => [
          { partition: 0, value: JSON.stringify([nameAt(time), lines]) },
        ]),
        sendToKafka(outputKafka, { topic: output, groupId, transactionTimeout: 30_000 }),
      );
    }
    return foreachBatchInTransaction(checkpoint, async (transaction, lines, { time }) => {
      await transaction.query(insert, [nameAt(time), JSON.stringify(lines)]);
      tasksPoint('output:written');
    });
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
