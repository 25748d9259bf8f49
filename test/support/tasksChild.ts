// One of several processes that share the tasks of a group: counts the records of each key, and writes records and counts exactly once,
// to a topic, to a topic with its state in another one (`state:TOPIC`), or into tables. A process to be killed or stopped at any moment. With `plain` the writes are outside of the transaction.
import { foreachBatch, mapRecords, type Pair, type RecordView, type Task, updateStateByKey } from 'dstream';
import { type KafkaCheckpoint, kafkaCheckpoint, kafkaTasks, sendInTransaction, sendToKafka } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, postgresCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { Pool } from 'pg';
import { merge, mergeMap, type Observable, share, tap } from 'rxjs';

const [brokers = '', input = '', output = '', groupId = '', owner = '', postgresUrl = '', plain = ''] =
  process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: owner, brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const say = (line: string) => void process.stdout.write(`${line}\n`);
const pool = new Pool({ connectionString: postgresUrl, max: 8 });
// An idle connection that is closed while the process is stopped.
pool.on('error', () => {});

const insertRecords = `insert into ${output} (value) select * from unnest($1::text[])`;
const insertCounts = `insert into ${output}_counts (key, count) select * from unnest($1::text[], $2::int[])`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const options = {
  topics: [input],
  groupId,
  sessionTimeout: 6_000,
  heartbeatInterval: 500,
  start: 'earliest',
  interval: 100,
  maxRatePerPartition: 100,
  deserialize: (view: RecordView) => view.valueText() ?? '',
  groupObserver: {
    next: ({ type, tasks }: { type: string; tasks: readonly string[] }) => say(`group ${type} ${tasks}`),
  },
} as const;

/** A record is `KEY NUMBER`. */
const keyed = (value: string): Pair<string, string> => [value.split(' ')[0] ?? '', value];
const count = (values: readonly string[], before: number | undefined) => values.length + (before ?? 0);

function toTables(task: Task<string, PostgresCheckpoint>): Observable<unknown> {
  const { checkpoint } = task;
  const records =
    plain === ''
      ? foreachBatchInTransaction<string>(checkpoint, (transaction, values) =>
          transaction.query(insertRecords, [values]),
        )
      : foreachBatch<string>(async (values) => {
          if (values.length > 0) await pool.query(insertRecords, [values]);
          await pause(100);
        });
  return task.pipe(
    tap(({ size }) => size > 0 && say(`writing ${task.task.id} ${size}`)),
    records,
    mapRecords(keyed),
    updateStateByKey(count, { id: 'counts', call: 'touched' }),
    foreachBatchInTransaction(checkpoint, (transaction, counts) =>
      transaction.query(insertCounts, [counts.map(([key]) => key), counts.map(([, many]) => many)]),
    ),
  );
}

function toTopic(task: Task<string, undefined>): Observable<unknown> {
  return task.pipe(
    tap(({ size }) => size > 0 && say(`writing ${task.task.id} ${size}`)),
    mapRecords((value) => ({ value, partition: 0 })),
    sendToKafka(kafka, { topic: output, groupId, transactionTimeout: 10_000 }),
  );
}

/** Records as they are, counts as `count KEY MANY`. */
function withState(task: Task<string, KafkaCheckpoint>): Observable<unknown> {
  const send = sendInTransaction<{ value: string; partition: number }>(task.checkpoint, { topic: output });
  const shared = task.pipe(share());
  return merge(
    shared.pipe(
      tap(({ size }) => size > 0 && say(`writing ${task.task.id} ${size}`)),
      mapRecords((value) => ({ value, partition: 0 })),
      send,
    ),
    shared.pipe(
      mapRecords(keyed),
      updateStateByKey(count, { id: 'counts', call: 'touched' }),
      mapRecords(([key, many]) => ({ value: `count ${key} ${many}`, partition: 0 })),
      send,
    ),
  );
}

function worked(): { readonly run: Observable<unknown>; stop(): Promise<unknown> } {
  if (postgresUrl === '') {
    const tasks = kafkaTasks(kafka, { ...options, commitOffsets: false });
    return { run: tasks.pipe(mergeMap(toTopic)), stop: () => tasks.stop() };
  }
  const [, stateTopic] = postgresUrl.split('state:');
  if (stateTopic) {
    const checkpoint = ({ partition, of }: { readonly partition: number; readonly of: number }) =>
      kafkaCheckpoint(kafka, { topic: stateTopic, partition, partitions: of, transactionTimeout: 10_000 });
    const tasks = kafkaTasks(kafka, { ...options, checkpoint });
    return { run: tasks.pipe(mergeMap(withState)), stop: () => tasks.stop() };
  }
  const checkpoint = ({ id }: { readonly id: string }) => postgresCheckpoint(pool, { job: `${groupId}/${id}` });
  const tasks = kafkaTasks(kafka, { ...options, checkpoint });
  return { run: tasks.pipe(mergeMap(toTables)), stop: () => tasks.stop() };
}

const { run, stop } = worked();
run.subscribe({
  error: (error) => {
    say(`failed ${error.code} ${error.message}`);
    process.exit(1);
  },
});
process.once('SIGTERM', () => {
  void stop().then(() => {
    say('stopped');
    process.exit(0);
  });
});
