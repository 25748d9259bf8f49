import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BatchInfo, type BatchStream, json, logBatches } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { type Click, embeddedLog, topic } from './click.js';
import { embeddedStore } from './embeddedStore.js';
import { clickstream } from './pipeline.js';
import { postgresStore } from './postgresStore.js';
import type { Store, Tables } from './store.js';

const { values } = parseArgs({
  options: {
    /** Brokers of a Kafka with the topic `clicks`, which `produce.ts` fills. Without it the log is in memory. */
    brokers: { type: 'string' },
    /** Address of a PostgreSQL. Without it the results are in files, in `data`. */
    postgres: { type: 'string', default: process.env.POSTGRES_URL },
    /** `latest`: ends when everything that was there at the start has been read, as it always does without Kafka. */
    until: { type: 'string' },
    data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
    clicks: { type: 'string', default: '6000' },
    topic: { type: 'string', default: topic },
  },
});

const store = values.postgres ? await postgresStore(values.postgres) : embeddedStore(values.data);
const clicks = open(store);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void clicks.stop());
try {
  await lastValueFrom(clickstream(clicks, store.outputs), { defaultValue: undefined });
  print(await store.read());
} finally {
  await store.close();
}

function open({ checkpoint }: Store): BatchStream<Click> {
  const options = {
    topics: [values.topic],
    start: 'earliest',
    interval: 200,
    // Slow enough to watch, and to be killed while it works.
    maxRatePerPartition: 1_000,
    deserialize: json<Click>(),
    checkpoint,
    batchObserver: { next: progress },
  } as const;
  if (!values.brokers) return logBatches(embeddedLog(Number(values.clicks)), { ...options, until: 'latest' });
  const kafka = new Kafka({ clientId: 'clickstream', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
  return kafkaBatches(kafka, { ...options, ...(values.until === 'latest' && { until: 'latest' }) });
}

function progress({ records, inputs }: BatchInfo): void {
  const waiting = Object.values(inputs).reduce((sum, { lag }) => sum + lag, 0);
  if (records > 0) console.log(`${records} clicks counted, ${waiting} wait`);
}

function print({ pages, visitors }: Tables): void {
  console.log('\ntop pages');
  for (const [page, views] of pages.slice(0, 5)) console.log(`  ${page.padEnd(10)}${String(views).padStart(6)}`);
  console.log('\nunique visitors');
  for (const each of visitors) {
    const time = new Date(each.minute).toISOString().slice(11, 16);
    console.log(`  ${time.padEnd(10)}${String(each.visitors).padStart(6)}`);
  }
}
