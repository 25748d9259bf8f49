// Reads a topic in a process of its own, and prints how long records took from `produce` to here, and how much of a core it used:
//
//   node reader.mjs NAME BROKERS TOPIC
//
// Prints "ready" when it reads. "start" on its standard input begins the measurement, "stop" ends it. Records hold the time at which they were
// produced, in ms since the epoch.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { foreachBatch } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import kafkajs from 'kafkajs';

const [name = '', brokers = '', topic = ''] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
/** Batches after which a stream is under way. */
const firstBatches = 3;

let startedAt = Number.POSITIVE_INFINITY;
let cpuAtStart = process.cpuUsage();
const delays: number[] = [];

function seen(producedAt: string | null | undefined): void {
  const at = Number(producedAt);
  if (at >= startedAt) delays.push(now() - at);
}

function ready(): void {
  process.stdout.write('ready\n');
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });

function dstream(interval: number): void {
  let batches = 0;
  kafkaBatches(kafka, { topics: [topic], start: 'latest', interval, deserialize: (view) => view.valueText() })
    .pipe(
      foreachBatch((records) => {
        for (const record of records) seen(record);
        if (++batches === firstBatches) ready();
      }),
    )
    .subscribe({ error: fail });
}

async function kafkajsEachMessage(): Promise<void> {
  const consumer = kafka.consumer({ groupId: randomUUID() });
  consumer.on('consumer.group_join', ready);
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: false });
  await consumer.run({ eachMessage: async ({ message }) => seen(message.value?.toString()) });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'start') {
    startedAt = now();
    cpuAtStart = process.cpuUsage();
    return;
  }
  const { user, system } = process.cpuUsage(cpuAtStart);
  const core = (user + system) / 1_000 / (now() - startedAt);
  process.stdout.write(`${JSON.stringify({ core, delays })}\n`, () => process.exit(0));
});

const [, interval] = /^dstream, (\d+) ms$/.exec(name) ?? [];
if (interval) dstream(Number(interval));
else if (name === 'node, a timer') {
  setInterval(() => {}, 1_000);
  ready();
} else await kafkajsEachMessage().catch(fail);
