// Reads a topic up to its end by event time, and writes the lines of each batch into a file of its own, with a checkpoint on disk: a process
// to be killed at any moment, and started again.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  eventTime,
  foreachBatch,
  groupByKeyAndEventWindow,
  json,
  type LateRecord,
  mapRecords,
  type Pair,
  type RateSharing,
  sideOutput,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { merge } from 'rxjs';
import { shape } from '../eventtime/densities.js';
import type { Timed } from '../eventtime/offline.js';

const [brokers = '', topic = '', directory = '', rateSharing = 'lag'] = process.argv.slice(2);
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const kafka = new Kafka({ clientId: 'event-time', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
await mkdir(join(directory, 'lines'), { recursive: true });

/** A batch that runs twice is written over itself. */
async function write(name: string, records: readonly unknown[], time: number): Promise<void> {
  const file = join(directory, 'lines', `${name}-${time}`);
  await writeFile(`${file}.new`, records.map((each) => `${JSON.stringify(each)}\n`).join(''));
  await rename(`${file}.new`, file);
}

const late = sideOutput<LateRecord<Pair<string, number>>>();
const windows = kafkaBatches(kafka, {
  topics: [topic],
  start: 'earliest',
  until: 'latest',
  interval: 50,
  maxRatePerPartition: 4_000,
  rateSharing: rateSharing as RateSharing,
  deserialize: json<Timed>(),
  checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
}).pipe(
  eventTime({ timestamp: ([at]) => at, outOfOrderness: shape.outOfOrderness, idleAfter: Infinity, id: 'time' }),
  mapRecords(([, key, value]) => [key, value]),
  groupByKeyAndEventWindow({ window: shape.window, slide: shape.slide, late, id: 'windows' }),
);
merge(
  late.pipe(
    mapRecords(({ record: [key, value], time }) => [time, key, value] as const),
    foreachBatch((records, { time }) => write('late', records, time)),
  ),
  windows.pipe(foreachBatch((results, { time }) => write('windows', results, time))),
).subscribe({
  next: () => process.stdout.write('batch\n'),
  error: (error) => {
    process.stdout.write(`failed ${error.code} ${error.message}\n`);
    process.exit(1);
  },
  complete: () => process.stdout.write('complete\n'),
});
