import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BatchInfo, type BatchStream, foreachBatch, receiverBatches } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint, tcpReceiver } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom, merge, share } from 'rxjs';
import { startPage } from './livePage.js';
import { history, type Summary, summaries } from './pipeline.js';
import { parseLine, type Reading, topic } from './reading.js';
import { startSensors } from './sensors.js';

const { values } = parseArgs({
  options: {
    /** Port of the page; 0 for any. */
    port: { type: 'string', default: '8080' },
    /** Where the sensors send their lines: HOST:PORT. Without it sensors are simulated in this process. */
    sensors: { type: 'string' },
    /** Brokers of a Kafka whose topic `readings` has the lines, as `produce.ts` writes them. */
    brokers: { type: 'string' },
    topic: { type: 'string', default: topic },
    /** With Kafka: where windows, history and offsets are kept. */
    data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
    /** With Kafka, `latest`: ends when everything that was there at the start has been read. */
    until: { type: 'string' },
  },
});

const page = await startPage(Number(values.port));
const simulated = values.sensors || values.brokers ? undefined : await startSensors();
const readings = open();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void readings.stop());
console.log(`page: ${page.url}`);
let latest: readonly Summary[] = [];
const shared = readings.pipe(share());
const job = merge(
  history(shared).pipe(
    foreachBatch((sensors) => {
      latest = sensors;
    }),
  ),
  summaries(shared).pipe(foreachBatch((sensors, { time }) => page.send({ time, sensors, history: latest }))),
);
await lastValueFrom(job, { defaultValue: undefined });
page.close();
simulated?.close();
console.log('ended');
for (const { sensor, least, most, readings: count } of latest)
  console.log(`${sensor}: ${least} to ${most} in ${count}`);

function open(): BatchStream<Reading> {
  const options = { interval: 1_000, batchObserver: { next: progress } };
  if (values.brokers) {
    const kafka = new Kafka({ clientId: 'sensors', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
    const deserialize = (view: { valueText(): string | null }) => parseLine(view.valueText() ?? '');
    mkdirSync(values.data, { recursive: true });
    return kafkaBatches(kafka, {
      ...options,
      topics: [values.topic],
      start: 'earliest',
      deserialize,
      // Slow enough to watch, and to be killed while it works.
      maxRatePerPartition: 1_000,
      checkpoint: fileCheckpoint(join(values.data, 'checkpoint')),
      ...(values.until === 'latest' && { until: 'latest' }),
    });
  }
  const [host = '127.0.0.1', port = simulated?.port] = values.sensors?.split(':') ?? [];
  const receiver = tcpReceiver({ host, port: Number(port), parse: (frame) => parseLine(frame.toString()) });
  // A gateway that restarts is asked again.
  return receiverBatches(receiver, { ...options, restart: { delay: 500, onClose: 'restart' } });
}

function progress({ records }: BatchInfo): void {
  if (records > 0) console.log(`${records} readings`);
}
