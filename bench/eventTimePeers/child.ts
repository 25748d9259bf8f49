// Counts the records of a topic by key and window, in a process of its own, and prints how many seconds that took, as
// StreamsWindows.java does:
//
//   child.ts CONTENDER BROKERS TOPIC RECORDS WINDOW GRACE
import {
  aggregateByKeyAndEventWindow,
  type Batch,
  eventTime,
  foreachBatch,
  logBatches,
  mapRecords,
  type RecordView,
  reduceByKeyAndWindow,
  type TopicPartition,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { KafkajsClient } from 'dstream/kafka';
import kafkajs from 'kafkajs';
import { type OperatorFunction, pipe } from 'rxjs';

const [contender = '', brokers = '', topic = '', ...numbers] = process.argv.slice(2);
const [records = 0, window = 0, grace = 0] = numbers.map(Number);

let assigned = 0;
let counted = 0;
let windows = 0;

class TimedClient extends KafkajsClient {
  override async partitions(topics: readonly (string | RegExp)[]): Promise<readonly TopicPartition[]> {
    const partitions = await super.partitions(topics);
    assigned ||= performance.now();
    return partitions;
  }
}

function see(results: number, values: number): void {
  windows += results;
  counted += values;
  if (counted < records) return;
  const now = performance.now();
  const [whole, reading] = [now - begun, now - assigned].map((ms) => ms / 1_000);
  const { user, system } = process.cpuUsage(cpuBegun);
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1_024);
  process.stdout.write(JSON.stringify({ whole, reading, cpu: (user + system) / 1e6, count: counted, windows, rssMb }));
  process.exit(0);
}

interface Timed {
  readonly key: string;
  readonly at: number;
}

function read<T>(deserialize: (view: RecordView) => T, output: OperatorFunction<Batch<T>, Batch<unknown>>): void {
  const kafka = new kafkajs.Kafka({
    clientId: 'bench',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  logBatches(new TimedClient(kafka), { topics: [topic], start: 'earliest', interval: 100, deserialize })
    .pipe(output)
    .subscribe({
      error: (error) => {
        console.error(error);
        process.exit(1);
      },
    });
}

const contenders: Readonly<Record<string, () => void>> = {
  'dstream, event time': () =>
    read(
      (view): Timed => ({ key: view.keyText() as string, at: view.timestamp }),
      pipe(
        eventTime({ timestamp: ({ at }: Timed) => at, outOfOrderness: grace, idleAfter: Infinity, future: Infinity }),
        mapRecords(({ key }) => [key, 1] as const),
        aggregateByKeyAndEventWindow(count(), { window }),
        foreachBatch((results) => {
          let values = 0;
          for (const [, { value }] of results) values += value;
          see(results.length, values);
        }),
      ),
    ),
  // The pipeline of bench/kafka: a second of batch time.
  'dstream, batch time': () =>
    read(
      (view) => view.keyText() as string,
      pipe(
        mapRecords((key: string) => [key, 1] as const),
        reduceByKeyAndWindow((a: number, b: number) => a + b, { inverse: (a, b) => a - b, window: 1_000 }),
        foreachBatch((results, { inputs }) => see(results.length, inputs.log?.records ?? 0)),
      ),
    ),
};

const begun = performance.now();
const cpuBegun = process.cpuUsage();
contenders[contender]?.();
