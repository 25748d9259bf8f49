import { mkdirSync } from 'node:fs';
import {
  type BatchInfo,
  type BatchStream,
  type DriverOptions,
  fixedRate,
  json,
  type LogBatchesOptions,
  logBatches,
  memoryLog,
  pid,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { dashboard, fileCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { firstValueFrom, fromEvent, lastValueFrom, merge, share, take, timer } from 'rxjs';
import { dailyTable, inArrivalOrder } from './daily.js';
import { type Flight, readFlights } from './flight.js';
import { serveMetrics } from './metrics.js';
import { type DemoOptions, readOptions, usage } from './options.js';
import { type FlightOutputs, flightsPipeline } from './pipeline.js';
import { runProcesses } from './processes.js';
import { after, type FlightSink, kafkaSink, memorySink, replay, topic } from './replay.js';
import { Table } from './table.js';

/** How long the last records may take to come through, in ms. */
const drainTimeout = 30_000;

/** What the summary tells. */
class Tally {
  batches = 0;
  written = 0;
  recordsOut = 0;
  readonly offsets = new Map<string, number>();

  see(info: BatchInfo): void {
    this.batches++;
    for (const { ranges } of Object.values(info.inputs)) {
      for (const { topic, partition, until } of ranges) this.offsets.set(`${topic}/${partition}`, until);
    }
  }

  toString(): string {
    const offsets = [...this.offsets].map(([partition, offset]) => `${partition}:${offset}`).join(',');
    return `summary: batches=${this.batches} recordsIn=${this.written} recordsOut=${this.recordsOut} offsets=${offsets}`;
  }
}

async function main(options: DemoOptions): Promise<void> {
  const data = readFlights();
  const tally = new Tally();
  const table = new Table();
  const metrics = options.metrics === undefined ? undefined : await serveMetrics(options.metrics);
  const board = options.dashboard === undefined ? undefined : await dashboard({ port: options.dashboard });
  if (board) console.log(`dashboard: ${board.url}`);
  const { flights, sink } = await open(options, {
    interval: 1_000,
    name: 'flights',
    monitors: [...(metrics ? [metrics.monitor] : []), ...(board ? [board] : [])],
    backpressure: pid(),
    initialRate: 2_000,
    batchObserver: {
      next: (info) => {
        tally.see(info);
        table.draw(info);
      },
    },
  });
  const pipeline = flightsPipeline(flights, outputs(options, table, tally)).pipe(share());
  const finished = lastValueFrom(pipeline, { defaultValue: undefined });
  // What is written before the source has found its place would not be read: the first batch shows that it has.
  await firstValueFrom(pipeline, { defaultValue: undefined });

  const interrupted = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));
  const end = merge(interrupted, after(options.duration)).pipe(take(1), share());
  const ended = firstValueFrom(end);
  const replayed = lastValueFrom(replay(data, sink, options.speed, end), { defaultValue: 0 });
  await Promise.race([ended, finished]);
  tally.written = await replayed;
  const deadline = Date.now() + drainTimeout;
  while (tally.recordsOut < tally.written && Date.now() < deadline) await firstValueFrom(timer(50));
  await flights.stop();
  await finished;
  await sink.close();
  metrics?.close();
  await board?.close();
  console.log(String(tally));
  if (tally.recordsOut !== tally.written) process.exitCode = 1;
}

/** Reads what is there and ends: days by event time. */
async function runBounded(options: DemoOptions): Promise<void> {
  const { checkpoint } = options;
  if (checkpoint) mkdirSync(checkpoint, { recursive: true });
  const flights = await openBounded(options, {
    interval: 200,
    start: 'earliest',
    until: 'latest',
    rateSharing: 'aligned',
    backpressure: fixedRate(options.speed),
    maxRatePerPartition: options.speed,
    deserialize: json<Flight>(),
    batchObserver: { next: progress },
    ...(checkpoint && { checkpoint: fileCheckpoint(checkpoint) }),
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void flights.stop());
  console.log((await dailyTable(flights)).join('\n'));
}

async function openBounded(
  { brokers, late, topic: written }: DemoOptions,
  read: Omit<LogBatchesOptions<Flight>, 'topics'>,
): Promise<BatchStream<Flight>> {
  const flights = inArrivalOrder(readFlights(), late);
  if (!brokers) {
    const log = memoryLog({ topics: { [topic]: 4 } });
    await memorySink(log).write(flights);
    return logBatches(log, { ...read, topics: [topic] });
  }
  const kafka = new Kafka({ clientId: 'flights-demo', brokers: [...brokers], logLevel: logLevel.NOTHING });
  if (written) return kafkaBatches(kafka, { ...read, topics: [written] });
  // A topic of its own, because all of it is read.
  const own = `${topic}-${process.pid}-${Date.now()}`;
  const sink = await kafkaSink(kafka, own);
  await sink.write(flights);
  await sink.close();
  return kafkaBatches(kafka, { ...read, topics: [own] });
}

function progress({ records, inputs }: BatchInfo): void {
  const waiting = Object.values(inputs).reduce((sum, { lag }) => sum + lag, 0);
  if (records > 0) console.log(`${records} flights read, ${waiting} wait`);
}

function outputs(options: DemoOptions, table: Table, tally: Tally): FlightOutputs {
  const started = Date.now();
  const slowNow = () => options.slow && Math.floor((Date.now() - started) / 5_000) % 2 === 1;
  return {
    window: (rows) => table.window(rows),
    records: (rows) => table.records(rows),
    departures: (rows) => {
      const count = rows.reduce((sum, [, departures]) => sum + departures, 0);
      tally.recordsOut += count;
      return timer(slowNow() ? 3 * count : 0);
    },
  };
}

interface Opened {
  readonly flights: BatchStream<Flight>;
  readonly sink: FlightSink;
}

async function open(options: DemoOptions, driver: DriverOptions): Promise<Opened> {
  const read = { topics: [topic], deserialize: json<Flight>(), ...driver };
  if (!options.brokers) {
    const log = memoryLog({ topics: { [topic]: 4 } });
    return { flights: logBatches(log, read), sink: memorySink(log) };
  }
  // The topic may hold flights of an earlier run: this one begins where they end, at the latest.
  const kafka = new Kafka({ clientId: 'flights-demo', brokers: [...options.brokers], logLevel: logLevel.NOTHING });
  return { sink: await kafkaSink(kafka), flights: kafkaBatches(kafka, read) };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else if (options.processes) await runProcesses(options.brokers ?? [], options.processes, options.speed);
  else await (options.bounded ? runBounded(options) : main(options));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
