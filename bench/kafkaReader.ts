// Reads a topic to its end in a process of its own and prints the seconds it took, from the first record to the last.
import { foreachBatch, mapRecords, type Pair, reduceByKeyAndWindow } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';

const [contender = '', brokers = '', topic = '', totalText = ''] = process.argv.slice(2);
const total = Number(totalText);
const kafka = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.NOTHING });

let first = 0;
let count = 0;
let peak = 0;

/** Timing begins with the first records, as the peers' own tools do once they are assigned. */
function seen(records: number, since = performance.now()): boolean {
  if (first === 0) first = since;
  count += records;
  peak = Math.max(peak, process.memoryUsage.rss());
  return count >= total;
}

function finish(): never {
  const seconds = (performance.now() - first) / 1_000;
  process.stdout.write(JSON.stringify({ seconds, count, rssMb: Math.round(peak / 2 ** 20), checksum }));
  process.exit(0);
}

let checksum = 0;

function dstream(deserialize: Parameters<typeof kafkaBatches>[1]['deserialize'], pipeline: boolean): void {
  first = performance.now();
  const stream = kafkaBatches(kafka, { topics: [topic], start: 'earliest', interval: 100, deserialize });
  const output = pipeline
    ? stream.pipe(
        mapRecords((key): Pair<string, number> => [key as string, 1]),
        reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 1_000 }),
        foreachBatch(() => {}),
      )
    : stream.pipe(foreachBatch(() => {}));
  output.subscribe({
    next: (batch) => {
      let records = 0;
      for (const input of Object.values(batch.context.inputs)) records += input.records;
      if (records > 0 && seen(records)) finish();
    },
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
}

async function kafkajs(): Promise<void> {
  const consumer = kafka.consumer({
    groupId: `bench-${Math.random()}`,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages)
        checksum += (key?.toString().length ?? 0) + (value?.toString().length ?? 0);
      if (seen(batch.messages.length)) finish();
    },
  });
}

const contenders: Readonly<Record<string, () => unknown>> = {
  'dstream views': () => dstream((view) => view.keyLength + view.valueLength, false),
  'dstream strings': () => dstream((view) => [view.keyText(), view.valueText()], false),
  'dstream json': () => dstream((view) => JSON.parse(view.valueText() ?? 'null'), false),
  'dstream pipeline': () => dstream((view) => view.keyText(), true),
  'kafkajs eachBatch': kafkajs,
};
await contenders[contender]?.();
