// A process to be killed at any moment and started again: windows and keyed state over a log read from files, an output
// that writes every id once, and a checkpoint. It ends when the log is read and the windows are empty.
//
//     child.mjs DIRECTORY LOG STORE SEED [BATCHES]
//
// It opens its stream anew after a few batches, or after BATCHES, as far as it is up to it.
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  aggregateByKeyAndEventWindow,
  type Batch,
  type DStreamError,
  eventTime,
  foreachBatch,
  json,
  type LateRecord,
  type LogBatchesOptions,
  logBatches,
  mapRecords,
  mapWithState,
  type Pair,
  reduceByKeyAndWindow,
  sideOutput,
  updateStateByKey,
} from 'dstream';
import { count } from 'dstream/aggregators';
import type { PostgresCheckpoint } from 'dstream/node';
import { merge, type Observable, type OperatorFunction, share, tap } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';
import { type CrashedEnds, stores } from './checkpoints.js';
import { eventTimeOutputs } from './eventTimeOutputs.js';
import { exitCodes } from './exitCodes.js';
import { fileLog } from './fileLog.js';
import { kafkaLog, newKafka } from './kafkaLog.js';
import { DifferentOutputError, OutputFiles } from './outputFiles.js';
import { saveInTable } from './outputTable.js';
import { saveInTopic } from './outputTopic.js';
import { pacedClock } from './pacedClock.js';
import { pointedCheckpoint } from './pointedCheckpoint.js';
import { type Event, enough, eventWindow, interval, randomOf, slide, timeout, topic, window } from './records.js';
import { jobOf, topicOf } from './scratch.js';

const [directory = '', logs = '', storeName = '', seed = '', batches] = process.argv.slice(2);
const store = stores[storeName];
if (!store) throw new Error(`no store is called ${storeName}`);
const random = randomOf(Number(seed));
const below = (limit: number) => Math.floor(random() * limit);
const files = new OutputFiles(join(directory, 'output'));
const ends: CrashedEnds = { source: 'files', output: 'files', ...JSON.parse(process.env.CRASH_ENDS ?? '{}') };
const job = jobOf(directory);
const kafka = newKafka(process.env.KAFKA_BROKERS ?? '127.0.0.1');
const checkpoint = store.open(join(directory, 'checkpoint'));

const { clock, progress } = pacedClock();
/** Empty batches, one after the other, at the end of the log. */
let idle = 0;
const enoughIdle = 12;

const options: LogBatchesOptions<Event> = {
  topics: [ends.source === 'kafka' ? topicOf(logs) : topic],
  groupId: job,
  commitOffsets: ends.output !== 'kafka',
  start: 'earliest',
  interval,
  deserialize: json<Event>(),
  maxBufferedBytes: 2_000,
  checkpoint: pointedCheckpoint(checkpoint, progress),
  concurrentBatches: 1 + below(3),
  // How many records a batch takes is another matter in each life: only the plan that was kept makes it what it was.
  backpressure: () => ({ completed: () => {}, rate: () => (below(9) * 1_000) / interval }),
  scheduler: clock,
  ...(ends.operators === 'event time' && { rateSharing: (['lag', 'fair', 'aligned'] as const)[below(3)] ?? 'lag' }),
  // Its clock jumps to the next timer whenever nothing runs, so time limits would fire while a server answers.
  outputTimeout: Infinity,
  stepTimeout: Infinity,
};
const logOf = () => (ends.source === 'kafka' ? kafkaLog(kafka) : fileLog(logs, join(directory, 'offsets.json')));
let stream = logBatches(logOf(), options);

/** Now and then longer than it takes to save: a batch that is called complete too early is lost then. */
async function pause(): Promise<void> {
  if (below(10) === 0) await sleep(3);
  else for (let turns = below(4); turns > 0; turns--) await nextTurn();
}

/** Writes the records of each batch under its time, a while later. */
function save<T>(name: string): OperatorFunction<Batch<T>, unknown> {
  const linesOf = (records: readonly T[]) => {
    const lines = records.map((record) => JSON.stringify(record));
    // Keys come in no promised order.
    return name === 'raw' ? lines : lines.sort();
  };
  if (ends.output === 'table') {
    return saveInTable<T>(checkpoint as PostgresCheckpoint, { job, name, pause, linesOf });
  }
  if (ends.output === 'kafka') return saveInTopic<T>(kafka, { topic: job, name, linesOf });
  return foreachBatch<T>(async (records, { time }) => {
    await pause();
    files.write(name, time, linesOf(records));
  });
}

function outputs(events: Observable<Batch<Event>>): Observable<unknown> {
  if (ends.operators === 'event time') return eventTimeOutputs(events, save);
  const pairs = events.pipe(
    mapRecords(({ key }): Pair<string, number> => [key, 1]),
    tap(() => failpoint('operators')),
  );
  const raw = mapRecords(({ partition, sequence }: Event) => [partition, sequence]);
  const add = (a: number, b: number) => a + b;
  const windows = reduceByKeyAndWindow<string, number>(add, {
    inverse: (a, b) => a - b,
    window,
    slide,
    id: 'window',
  });
  const totals = updateStateByKey<string, number, number>(
    (values, state) => {
      const total = (state ?? 0) + values.length;
      return total >= enough ? undefined : total;
    },
    { id: 'totals' },
  );
  const running = mapWithState<string, number, number, string>(
    (key, _, state) => {
      if (state.isTimingOut) return `${key} left with ${state.get()}`;
      state.update((state.get() ?? 0) + 1);
      return `${key} has ${state.get()}`;
    },
    { timeout, id: 'running' },
  );
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const { outOfOrderness, ...eventWindows } = eventWindow;
  const byEventTime = events.pipe(
    eventTime({ timestamp: ({ at }) => at, outOfOrderness, idleAfter: Infinity, future: Infinity, id: 'time' }),
    mapRecords(({ key }): Pair<string, number> => [key, 1]),
    aggregateByKeyAndEventWindow(count(), { ...eventWindows, late, id: 'event' }),
  );
  return merge(
    late.pipe(
      mapRecords(({ record: [key], time }) => `${key} at ${time}`),
      save('late'),
    ),
    byEventTime.pipe(save('event')),
    events.pipe(raw, save('raw')),
    pairs.pipe(windows, save('window')),
    pairs.pipe(totals, save('totals')),
    pairs.pipe(running, save('running')),
  );
}

/** Runs so many batches, then stops the stream, or leaves it in the middle of its work. */
function session(batches: number, graceful: boolean): Promise<void> {
  // A client of Kafka that was closed stays closed.
  if (ends.source === 'kafka') stream = logBatches(logOf(), options);
  return new Promise((resolve, reject) => {
    let left = batches;
    const end = () => {
      if (graceful || idle >= enoughIdle) {
        void stream.stop({ drainTimeout: 1e9 });
        return;
      }
      subscription.unsubscribe();
      resolve();
    };
    const events = stream.pipe(
      tap(({ records, context }) => {
        failpoint('dispatch');
        idle = records.length === 0 && context.inputs.log?.lag === 0 ? idle + 1 : 0;
        if (--left === 0 || idle === enoughIdle) setImmediate(end);
      }),
      share(),
    );
    const subscription = outputs(events).subscribe({ error: reject, complete: resolve });
  });
}

try {
  while (idle < enoughIdle) await session(batches ? Number(batches) : 3 + below(6), random() < 0.7);
  process.exit(0);
} catch (error) {
  console.error(error);
  if (error instanceof DifferentOutputError) process.exit(exitCodes.different);
  process.exit((error as DStreamError).code === 'FENCED' ? exitCodes.fenced : exitCodes.failed);
}
