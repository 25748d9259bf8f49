// Reads a topic to its end in a process of its own and prints how many seconds it took:
//
//   whole   from the making of the client (connecting, metadata, joining a group where it joins one) to the last record
//   reading from the moment the client knows its partitions to the last record, as Java's fetch.nMsg.sec
//
//   cpu     of the process over the whole time, all its threads together: what other work on the machine does not change
//
// The code is loaded before any of them begins.
import { randomUUID } from 'node:crypto';
import {
  foreachBatch,
  logBatches,
  mapRecords,
  type Pair,
  type RecordView,
  reduceByKeyAndWindow,
  type TopicPartition,
} from 'dstream';
import { KafkajsClient } from 'dstream/kafka';
import kafkajs from 'kafkajs';
import { registerCodecs } from '../../test/support/codecs.js';

const [contender = '', brokers = '', topic = '', totalText = '', label = ''] = process.argv.slice(2);
const total = Number(totalText);

let begun = 0;
let cpuBegun = process.cpuUsage();
let assigned = 0;
let count = 0;
/** Of what was read, so that no one can leave the work out. */
let checksum = 0;

function partitionsKnown(): void {
  if (assigned === 0) assigned = performance.now();
}

function seen(records: number): void {
  count += records;
  if (count >= total) finish();
}

function finish(): never {
  const now = performance.now();
  const [whole, reading] = [now - begun, now - assigned].map((ms) => ms / 1_000);
  const { user, system } = process.cpuUsage(cpuBegun);
  const cpu = (user + system) / 1e6;
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1_024);
  process.stdout.write(JSON.stringify({ whole, reading, cpu, count, rssMb, checksum }));
  process.exit(0);
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

const newKafka = () =>
  new kafkajs.Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });

class TimedClient extends KafkajsClient {
  override async partitions(topics: readonly (string | RegExp)[]): Promise<readonly TopicPartition[]> {
    const partitions = await super.partitions(topics);
    partitionsKnown();
    return partitions;
  }
}

interface Ours {
  readonly deserialize: (view: RecordView) => unknown;
  readonly checkCrcs?: boolean;
  readonly pipeline?: boolean;
}

function dstream({ deserialize, checkCrcs = false, pipeline = false }: Ours): void {
  const client = new TimedClient(newKafka(), { checkCrcs });
  const stream = logBatches(client, { topics: [topic], start: 'earliest', interval: 100, deserialize });
  const output = pipeline
    ? stream.pipe(
        mapRecords((key): Pair<string, number> => [key as string, 1]),
        reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 1_000 }),
        foreachBatch(() => {}),
      )
    : stream.pipe(foreachBatch(() => {}));
  output.subscribe({
    next: ({ context }) => {
      for (const input of Object.values(context.inputs)) seen(input.records);
    },
    error: fail,
  });
}

async function kafkajsEachBatch(): Promise<void> {
  const consumer = newKafka().consumer({ groupId: randomUUID() });
  consumer.on('consumer.group_join', partitionsKnown);
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages)
        checksum += (key?.toString().length ?? 0) + (value?.toString().length ?? 0);
      seen(batch.messages.length);
    },
  });
}

async function platformaticStream(): Promise<() => Promise<void>> {
  const { Consumer, MessagesStreamModes, stringDeserializers } = await import('@platformatic/kafka');
  return async () => {
    const consumer = new Consumer({
      groupId: randomUUID(),
      clientId: 'bench',
      bootstrapBrokers: brokers.split(','),
      deserializers: stringDeserializers,
    });
    consumer.on('consumer:group:join', partitionsKnown);
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false });
    stream.on('error', fail);
    stream.on('data', ({ key, value }) => {
      checksum += (key?.length ?? 0) + (value?.length ?? 0);
      seen(1);
    });
  };
}

const lengths = (view: RecordView) => view.keyLength + view.valueLength;

const contenders: Readonly<Record<string, () => unknown>> = {
  'dstream views': () => dstream({ deserialize: lengths }),
  'dstream views, CRC checked': () => dstream({ deserialize: lengths, checkCrcs: true }),
  'dstream strings': () => dstream({ deserialize: (view) => ({ key: view.keyText(), value: view.valueText() }) }),
  'dstream json': () => dstream({ deserialize: (view) => JSON.parse(view.valueText() ?? 'null') }),
  'dstream pipeline': () => dstream({ deserialize: (view) => view.keyText(), pipeline: true }),
  'kafkajs eachBatch': kafkajsEachBatch,
  // Loaded for itself alone: it would count in the memory of the others.
  ...(contender === 'platformatic stream' && { 'platformatic stream': await platformaticStream() }),
};
if (label === 'zstd') await registerCodecs();
begun = performance.now();
cpuBegun = process.cpuUsage();
await contenders[contender]?.();
