// One of several processes with one group, of which one works: copies a topic to another, or into a table, exactly once, and says what
// happens to its membership. A process to be killed or stopped at any moment.
import { mapRecords, string } from 'dstream';
import { kafkaBatches, sendToKafka } from 'dstream/kafka';
import { foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { Pool } from 'pg';
import { type Observable, tap } from 'rxjs';

const [brokers = '', input = '', output = '', groupId = '', owner = '', postgresUrl = ''] = process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: owner, brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const say = (line: string) => void process.stdout.write(`${line}\n`);
const pool = new Pool({ connectionString: postgresUrl, max: 4 });
// An idle connection that is closed while the process is stopped.
pool.on('error', () => {});
const checkpoint = postgresUrl === '' ? undefined : postgresCheckpoint(pool, { job: groupId });

const lines = kafkaBatches(kafka, {
  topics: [input],
  groupId,
  membership: 'exclusive',
  sessionTimeout: 6_000,
  heartbeatInterval: 500,
  groupObserver: { next: ({ type }) => say(`group ${type}`) },
  commitOffsets: checkpoint !== undefined,
  start: 'earliest',
  interval: 100,
  maxRatePerPartition: 200,
  deserialize: string(),
  ...(checkpoint && { checkpoint }),
}).pipe(tap(({ size }) => size > 0 && say(`writing ${size}`)));

const written: Observable<unknown> = checkpoint
  ? lines.pipe(
      foreachBatchInTransaction(checkpoint, async (transaction, values) => {
        await transaction.query(`insert into ${output} (value) select * from unnest($1::text[])`, [values]);
      }),
    )
  : lines.pipe(
      mapRecords((value) => ({ value, partition: 0 })),
      sendToKafka(kafka, { topic: output, groupId, transactionTimeout: 10_000 }),
    );

const subscription = written.subscribe({
  error: (error) => {
    say(`failed ${error.code} ${error.message}`);
    process.exit(1);
  },
});
// Gracefully as far as the group is concerned: what is open is aborted, and the next owner does it again.
process.once('SIGTERM', () => {
  subscription.unsubscribe();
  setTimeout(() => process.exit(0), 2_000);
});
