import { type BatchInfo, type BatchStream, type DriverOptions, json, logBatches, memoryLog, pid } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { firstValueFrom, fromEvent, lastValueFrom, merge, Subject, share, take, timer } from 'rxjs';
import { type Flight, readFlights } from './flight.js';
import { type DemoOptions, readOptions, usage } from './options.js';
import { flightsPipeline } from './pipeline.js';
import { after, kafkaSink, memorySink, replay, topic } from './replay.js';
import { Table } from './table.js';

/** How long the last records may take to come through, in ms. */
const drainMs = 30_000;

async function main(options: DemoOptions): Promise<void> {
  const table = new Table();
  const seen = { batches: 0, backlog: 0, written: 0, recordsOut: 0, offsets: new Map<string, number>() };
  const firstBatch = new Subject<void>();
  const observe = (info: BatchInfo): void => {
    seen.batches++;
    for (const { records, lag, ranges } of Object.values(info.inputs)) {
      // Found in the topic by a run that goes on from a checkpoint.
      if (seen.batches === 1) seen.backlog = records + lag;
      for (const { topic, partition, until } of ranges) seen.offsets.set(`${topic}/${partition}`, until);
    }
    table.draw(info);
    firstBatch.complete();
  };
  const driver: DriverOptions = {
    interval: 1_000,
    backpressure: pid(),
    initialRate: 2_000,
    batchObserver: { next: observe },
    ...(options.checkpoint !== undefined && { checkpoint: fileCheckpoint(options.checkpoint) }),
  };
  const { flights, sink } = await open(options, driver);

  const started = Date.now();
  const slowNow = () => options.slow && Math.floor((Date.now() - started) / 5_000) % 2 === 1;
  const outputs = {
    window: (rows: Parameters<Table['window']>[0]) => table.window(rows),
    records: (rows: Parameters<Table['records']>[0]) => table.records(rows),
    departures: (rows: readonly (readonly [string, number])[]) => {
      const count = rows.reduce((sum, [, departures]) => sum + departures, 0);
      seen.recordsOut += count;
      return timer(slowNow() ? 3 * count : 0);
    },
  };
  const ready = lastValueFrom(firstBatch, { defaultValue: undefined });
  const finished = lastValueFrom(flightsPipeline(flights, outputs), { defaultValue: undefined });

  // What is written before the source has found its place would not be read.
  await Promise.race([ready, finished]);
  const interrupted = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')).pipe(take(1), share());
  const end = merge(interrupted, after(options.duration)).pipe(take(1), share());
  const replayed = replay(readFlights(), sink, options.speed, end);
  replayed.subscribe((written) => {
    seen.written = written;
  });
  await Promise.race([firstValueFrom(end), finished]);
  const deadline = Date.now() + drainMs;
  const recordsIn = () => seen.backlog + seen.written;
  while (seen.recordsOut < recordsIn() && Date.now() < deadline) await firstValueFrom(timer(50));
  await flights.stop();
  await finished;
  await sink.close();
  const offsets = [...seen.offsets].map(([partition, offset]) => `${partition}:${offset}`).join(',');
  console.log(
    `summary: batches=${seen.batches} recordsIn=${recordsIn()} recordsOut=${seen.recordsOut} offsets=${offsets}`,
  );
  if (seen.recordsOut !== recordsIn()) process.exitCode = 1;
}

async function open(options: DemoOptions, driver: DriverOptions) {
  const read = { topics: [topic], deserialize: json<Flight>(), ...driver };
  if (!options.brokers) {
    const log = memoryLog({ topics: { [topic]: 4 } });
    const flights: BatchStream<Flight> = logBatches(log, { ...read, start: 'earliest' });
    return { flights, sink: memorySink(log) };
  }
  const kafka = new Kafka({ clientId: 'flights-demo', brokers: [...options.brokers], logLevel: logLevel.ERROR });
  const sink = await kafkaSink(kafka);
  // The topic may hold flights of an earlier run: this one begins where they end.
  const flights: BatchStream<Flight> = kafkaBatches(kafka, { ...read, start: 'latest' });
  return { flights, sink };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
