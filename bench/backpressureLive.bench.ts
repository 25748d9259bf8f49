// Does what the simulator shows hold on a real Kafka, with a map that burns the processor? Scenarios S2, S3 and S5: a cold
// start with a backlog, a cost that triples, idle and then busy.
//
//   npm run bench -- backpressureLive [--records N] [--interval MS] [--controllers costModel,pid] [--brokers HOST:PORT]
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { type LiveBatch, type LivePlant, liveControllers, runLive } from './backpressure/livePlant.js';
import { rowOf, writeResults } from './report.js';

const { Kafka, logLevel } = kafkajs;
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    interval: { type: 'string', default: '1000' },
    controllers: { type: 'string', default: 'costModel,pid' },
    brokers: { type: 'string' },
  },
});
const interval = Number(options.interval);
const partitions = 4;
/** Batches of the cold start; the cost triples after them. */
const cold = 40;
const changed = 60;
/** Intervals with 20 records a second, and then with many. */
const idle = 20;
const busy = 40;
const target = 1_000_000 / 40;

async function fill(kafka: kafkajs.Kafka, topic: string, records: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  if (records === 0) return;
  const producer = kafka.producer();
  await producer.connect();
  const value = 'x'.repeat(90);
  for (let sent = 0; sent < records; sent += 4_000) {
    const messages = Array.from({ length: Math.min(4_000, records - sent) }, (_, i) => ({
      value,
      partition: i % partitions,
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

/** 10 ms a batch and 40 microseconds a record, and three times as much later. */
const backlogCost: LivePlant['cost'] = (batch) => {
  const times = batch < cold ? 1 : 3;
  return { fixed: times * 10_000, perRecord: times * 40 };
};

/** Batches after the change until three in a row wait for less than an interval, from the first one on that does not. */
function untilCalm(batches: readonly LiveBatch[]): number {
  const late = batches.map(({ wait }) => wait >= 1);
  const first = late.indexOf(true);
  if (first < 0) return 0;
  return late.findIndex((_, i) => i >= first && late.slice(i, i + 3).every((one) => !one));
}

const largest = (values: readonly number[]) => Math.max(...values);
const median = (values: readonly number[]) => rowOf('', values).median;

function describeBacklog(name: string, batches: readonly LiveBatch[]) {
  const before = batches.slice(0, cold);
  const after = batches.slice(cold);
  const settled = median(before.slice(-15).map(({ records }) => records));
  const rss = batches.map(({ rssMb }) => rssMb);
  const third = Math.floor(rss.length / 3);
  const figures = {
    coldLongest: largest(before.map(({ took }) => took)),
    coldSettle: before.findIndex(({ records }) => records >= 0.75 * settled),
    coldMaxWait: largest(before.map(({ wait }) => wait)),
    usefulPart: (settled * 40 + 10_000) / (interval * 1_000),
    changedBackAfter: untilCalm(after),
    changedMaxWait: largest(after.map(({ wait }) => wait)),
    rssEarly: largest(rss.slice(third, 2 * third)),
    rssLate: largest(rss.slice(2 * third)),
  };
  console.log(name, figures);
  return figures;
}

function describeIdle(name: string, batches: readonly LiveBatch[]) {
  const after = batches.slice(idle);
  const figures = {
    busyMaxWait: largest(after.map(({ wait }) => wait)),
    busyLongest: largest(after.map(({ took }) => took)),
    lagAtEnd: batches.at(-1)?.lag ?? Number.NaN,
    lastRecords: median(after.slice(-10).map(({ records }) => records)),
  };
  console.log(name, figures);
  return figures;
}

/** The run as columns, rounded. */
function columns(batches: readonly LiveBatch[]) {
  const round = (value: number) => Math.round(value * 100) / 100;
  return {
    records: batches.map(({ records }) => records),
    wait: batches.map(({ wait }) => round(wait)),
    took: batches.map(({ took }) => round(took)),
    rssMb: batches.map(({ rssMb }) => rssMb),
  };
}

function feed(brokers: string, topic: string): () => void {
  const script = fileURLToPath(new URL('./backpressure/feeder.ts', import.meta.url));
  const seconds = (batches: number) => String((batches * interval) / 1_000);
  const numbers = [String(partitions), '20', '8000', seconds(idle), seconds(busy)];
  const child = spawn(process.execPath, ['--import', 'tsx', script, brokers, topic, ...numbers], { stdio: 'inherit' });
  return () => void child.kill();
}

async function main(): Promise<void> {
  const cluster = options.brokers === undefined ? await startKafka({ longLived: true }) : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const kafka = new Kafka({ clientId: 'bench-live', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const results: Record<string, unknown> = {};
  const rows = [];
  try {
    const backlog = `bench-${randomUUID()}`;
    console.log(`filling a topic with ${options.records} records`);
    await fill(kafka, backlog, Number(options.records));
    for (const name of options.controllers.split(',')) {
      const controller = liveControllers[name];
      if (!controller) throw new Error(`--controllers takes ${Object.keys(liveControllers).join(', ')}`);
      const common = { kafka, interval };
      const plant = { ...common, topic: backlog, initialRate: 1_000, batches: cold + changed, cost: backlogCost };
      const first = await runLive(plant, controller);
      const arriving = `bench-${randomUUID()}`;
      await fill(kafka, arriving, 0);
      const stop = feed(brokers, arriving);
      const idleCost = () => ({ fixed: 0.4 * interval * 1_000, perRecord: 60 });
      const idlePlant = { ...common, topic: arriving, initialRate: 1_000, batches: idle + busy, cost: idleCost };
      const second = await runLive(idlePlant, controller).finally(stop);
      const figures = { ...describeBacklog(`${name}, S2 and S3`, first), ...describeIdle(`${name}, S5`, second) };
      results[name] = { ...figures, backlog: columns(first), arriving: columns(second) };
      rows.push(
        rowOf(
          `${name}, batches in intervals`,
          first.map(({ took }) => took).filter((took) => took > 0.01),
        ),
      );
    }
  } finally {
    await cluster?.stop();
  }
  writeResults('backpressureLive', {
    unit: 'intervals a batch',
    rows,
    ratios: {},
    records: options.records,
    target,
    results,
  });
}

await main();
