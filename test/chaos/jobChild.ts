// A job to be disturbed, killed at any moment and started again: it counts the records of each partition and writes each record with its
// offset and its number.
//
//     jobChild.mjs CONFIG     (a JobConfig as JSON; events and commands go over the channel to the parent)
import { type DStreamError, mapRecords, mapWithState, type Pair, type RecordView, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint, postgresCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { Pool } from 'pg';
import { handlesBeyond, handlesInTimer, peersOf } from './handles.js';
import { jobOutput } from './jobOutput.js';
import { type JobCommand, type JobConfig, type JobEvent, poison, unreadable } from './modes.js';
import { reportVitals } from './reportVitals.js';

const config: JobConfig = JSON.parse(process.argv[2] ?? '{}');
const { mode, planted } = config;
const report = (event: JobEvent) => process.send?.(event);

process.on('uncaughtException', (error) => report({ kind: 'unhandled', message: `${error?.stack ?? error}` }));
process.on('unhandledRejection', (error) =>
  report({ kind: 'unhandled', message: `rejection: ${(error as Error)?.stack ?? error}` }),
);
const stopVitals = reportVitals(report);
/** Of this process itself: the channel to its parent, and the timer that looks. */
const own = handlesInTimer(0);

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: config.job, brokers: [...config.brokers], logLevel: logLevel.NOTHING });
const pool = new Pool({
  connectionString: config.postgresUrl,
  application_name: config.job,
  max: 4,
  connectionTimeoutMillis: 10_000,
  // The writes of the job itself; those of a checkpoint have limits of their own.
  query_timeout: 20_000,
});
pool.on('error', () => {});

const inTable = mode === 'exactly-once' ? postgresCheckpoint(pool, { job: config.job }) : undefined;
const checkpoint = inTable ?? (mode === 'transactions' ? undefined : fileCheckpoint(config.checkpointDirectory));
const output = jobOutput(config, { kafka, pool, checkpoint: inTable });

/** A record with where it is. */
function deserialize(view: RecordView): Pair<number, readonly [offset: number, value: string]> {
  const value = string()(view) ?? '';
  if (value.startsWith(unreadable)) throw new Error(`cannot be read: ${value}`);
  return [view.partition, [view.offset, value]];
}

const stream = kafkaBatches(kafka, {
  topics: [config.input],
  groupId: config.job,
  start: 'earliest',
  interval: config.interval,
  deserialize,
  invalidRecords: 'skip',
  onRecordError: 'skip',
  retry: { delay: 200, maxDelay: 5_000 },
  maxRatePerPartition: 2_000,
  outputTimeout: 30_000,
  ...(checkpoint && { checkpoint }),
  ...(mode === 'transactions' && { commitOffsets: false }),
  ...(mode === 'checkCrcs' && { checkCrcs: true }),
  batchObserver: {
    next: ({ time, records, inputs }) => {
      const until = (inputs.kafka?.partitions ?? []).map(
        ({ partition, until }) => [partition, until] as [number, number],
      );
      report({ kind: 'batch', time, records, until });
    },
  },
  monitors: [
    {
      run: () => ({
        restarting: ({ error }) => {
          const { code = 'UNTYPED', message } = error as { code?: string; message: string };
          report({ kind: 'restarting', code, message });
        },
      }),
    },
  ],
});

stream
  .pipe(
    mapRecords(([partition, [offset, value]]) => {
      if (value.startsWith(poison)) throw new Error(value);
      return [partition, [offset, value] as const] as const;
    }),
    mapWithState<number, readonly [number, string], number, readonly [number, number, string, number]>(
      (partition, record, state) => {
        if (!record) return undefined;
        const n = (state.get() ?? 0) + 1;
        state.update(n);
        return [partition, record[0], record[1], n];
      },
      { id: 'numbers' },
    ),
    output.write,
  )
  .subscribe({
    error: (error: DStreamError) => {
      const { code = 'UNTYPED', message }: { code?: string; message: string } = error;
      report({ kind: 'failed', code, message });
      process.exitCode = 1;
      void end();
    },
    complete: () => void end(),
  });

let ended = false;
// Its harness is gone: nobody else would end it.
process.on('disconnect', () => {
  if (!ended) process.exit(1);
});

/** Everything of the job's own is closed: what still keeps the process alive is of the library. */
async function end(): Promise<void> {
  stopVitals();
  await pool.end();
  if (planted === 'bad-manners') setInterval(() => {}, 1_000);
  // Sockets that were destroyed are gone a turn later.
  const handles = handlesBeyond(await handlesInTimer(100), await own);
  report({ kind: 'stopped', handles: handles.length > 0 ? [...handles, ...peersOf(config)] : [] });
  ended = true;
  process.disconnect?.();
}

process.on('message', (command: JobCommand) => {
  if (command === 'stop') void stream.stop({ drainTimeout: 30_000 });
  else if (command === 'describe') report({ kind: 'described', text: JSON.stringify(stream.snapshot()) });
  else output.misbehave(command);
});
process.channel?.unref();
if (planted === 'bad-manners') setTimeout(() => void Promise.reject(new Error('planted')), 500);
