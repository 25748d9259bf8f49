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
  type Batch,
  foreachBatch,
  logBatches,
  mapRecords,
  type RecordView,
  reduceBatch,
  reduceByKeyAndWindow,
  type StreamMonitor,
  type TopicPartition,
} from 'dstream';
import { KafkajsClient } from 'dstream/kafka';
import kafkajs from 'kafkajs';
import { type OperatorFunction, pipe } from 'rxjs';
import { registerCodecs } from '../../test/support/codecs.js';
import { allMonitors } from './allMonitors.js';

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

interface Ours<T> {
  readonly deserialize: (view: RecordView) => T;
  readonly checkCrcs?: boolean;
  readonly monitors?: readonly StreamMonitor[];
  /** What is done with the batches. */
  readonly output: OperatorFunction<Batch<T>, Batch<unknown>>;
}

function dstream<T>({ deserialize, checkCrcs = false, monitors = [], output }: Ours<T>): void {
  const client = new TimedClient(newKafka(), { checkCrcs });
  const source = { topics: [topic], start: 'earliest', interval: 100, deserialize, monitors } as const;
  const stream = logBatches(client, source);
  stream.pipe(output).subscribe({
    next: ({ context }) => {
      for (const input of Object.values(context.inputs)) seen(input.records);
    },
    error: fail,
  });
}

/** Looks at each record. */
function summed<T>(look: (record: T) => number): OperatorFunction<Batch<T>, Batch<unknown>> {
  return pipe(
    mapRecords(look),
    reduceBatch((a, b) => a + b),
    foreachBatch(([sum = 0]) => {
      checksum += sum;
    }),
  );
}

/** Takes the records of a batch as a list. */
const kept: OperatorFunction<Batch<Text>, Batch<unknown>> = foreachBatch((records) => {
  for (const record of records) checksum += lengthOf(record);
});

const counted: OperatorFunction<Batch<string | null>, Batch<unknown>> = pipe(
  mapRecords((key) => [key as string, 1]),
  reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 1_000 }),
  foreachBatch(() => {}),
);

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

interface Text {
  readonly key: string | null;
  readonly value: string | null;
}

const text = (view: RecordView): Text => ({ key: view.keyText(), value: view.valueText() });
const lengthOf = ({ key, value }: Text) => (key?.length ?? 0) + (value?.length ?? 0);
const views = {
  deserialize: (view: RecordView) => view.keyLength + view.valueLength,
  output: summed((length: number) => length),
};
const strings = { deserialize: text, output: summed(lengthOf) };
const json = (view: RecordView): { readonly n: number } => JSON.parse(view.valueText() ?? 'null');

const monitored = 'dstream strings, all monitors';
async function withMonitors(): Promise<() => void> {
  const monitors = await allMonitors();
  return () => dstream({ ...strings, monitors });
}

const contenders: Readonly<Record<string, () => unknown>> = {
  'dstream views': () => dstream(views),
  'dstream views, CRC checked': () => dstream({ ...views, checkCrcs: true }),
  'dstream strings': () => dstream(strings),
  'dstream strings, kept': () => dstream({ deserialize: text, output: kept }),
  'dstream json': () => dstream({ deserialize: json, output: summed(({ n }) => n) }),
  'dstream pipeline': () => dstream({ deserialize: (view) => view.keyText(), output: counted }),
  'kafkajs eachBatch': kafkajsEachBatch,
  // Loaded for itself alone: it would count in the memory of the others.
  ...(contender === monitored && { [monitored]: await withMonitors() }),
  ...(contender === 'platformatic stream' && { 'platformatic stream': await platformaticStream() }),
};
if (label === 'zstd') await registerCodecs();
begun = performance.now();
cpuBegun = process.cpuUsage();
await contenders[contender]?.();
