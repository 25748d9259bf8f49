import { parseArgs } from 'node:util';
import { type BatchStream, foreachBatch, receiverBatches } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { tcpReceiver } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { startPage } from './livePage.js';
import { summaries } from './pipeline.js';
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
  },
});

const page = await startPage(Number(values.port));
const simulated = values.sensors || values.brokers ? undefined : await startSensors();
const readings = open();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void readings.stop());
console.log(`page: ${page.url}`);
const job = summaries(readings).pipe(foreachBatch((sensors, { time }) => page.send({ time, sensors })));
await lastValueFrom(job, { defaultValue: undefined });
page.close();
simulated?.close();
console.log('ended');

function open(): BatchStream<Reading> {
  const options = { interval: 1_000 };
  if (values.brokers) {
    const kafka = new Kafka({ clientId: 'sensors', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
    const deserialize = (view: { valueText(): string | null }) => parseLine(view.valueText() ?? '');
    return kafkaBatches(kafka, { ...options, topics: [values.topic], deserialize });
  }
  const [host = '127.0.0.1', port = simulated?.port] = values.sensors?.split(':') ?? [];
  const receiver = tcpReceiver({ host, port: Number(port), parse: (frame) => parseLine(frame.toString()) });
  // A gateway that restarts is asked again.
  return receiverBatches(receiver, { ...options, restart: { delay: 500, onClose: 'restart' } });
}
