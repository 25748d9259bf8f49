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

let assigned: { readonly at: number; readonly cpu: number } | undefined;
let counted = 0;
let windows = 0;
let checksum = 0;

/** Of the process so far, all its threads together: seconds. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

class TimedClient extends KafkajsClient {
  override async partitions(topics: readonly (string | RegExp)[]): Promise<readonly TopicPartition[]> {
    const partitions = await super.partitions(topics);
    assigned ??= { at: performance.now(), cpu: cpu() };
    return partitions;
  }
}

function see(results: number, values: number): void {
  windows += results;
  counted += values;
  if (counted < records) return;
  const [now, used] = [performance.now(), cpu()];
  const from = assigned ?? { at: begun, cpu: cpuBegun };
  const [whole, reading] = [now - begun, now - from.at].map((ms) => ms / 1_000);
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1_024);
  const figures = { whole, reading, cpu: used - from.cpu, wholeCpu: used - cpuBegun, count: counted, windows, rssMb };
  process.stdout.write(JSON.stringify({ ...figures, checksum }));
  process.exit(0);
}

/** As Java's `hashCode`, without its sign. */
function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash >>> 0;
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
          for (const [key, { start, value }] of results) {
            values += value;
            checksum += hashOf(`${key} ${start} ${value}`);
          }
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
const cpuBegun = cpu();
contenders[contender]?.();
