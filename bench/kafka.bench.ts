// How fast is a Kafka topic read, beside kafkajs, librdkafka (kcat) and Java's client, on the same topic in the same run?
//
//   npm run bench -- kafka [--records N] [--rounds N] [--brokers HOST:PORT]
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { ensureKafka, startKafka } from '../scripts/kafka-broker.mjs';
import { rowOf, writeResults } from './report.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '4000000' },
    rounds: { type: 'string', default: '5' },
    brokers: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const total = Number(options.records);
const rounds = Number(options.rounds);
const keys = 10_000;

interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly records: number;
  readonly size: number;
  readonly compression: CompressionTypes;
}

/** Records of so many bytes, key and value together, with 10,000 keys; the value is JSON. */
async function fill(brokers: string, { name, partitions, records, size, compression }: Topic): Promise<void> {
  const kafka = new Kafka({ clientId: 'bench-fill', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const chunk = Math.max(Math.floor(1_000_000 / size / 2), partitions);
  for (let from = 0; from < records; from += chunk) {
    const messages = Array.from({ length: Math.min(chunk, records - from) }, (_, i) => {
      const key = `key-${String((from + i) % keys).padStart(6, '0')}`;
      const value = `{"n":${from + i},"pad":"`;
      return {
        key,
        value: `${value}${'x'.repeat(Math.max(size - key.length - value.length - 2, 0))}"}`,
        partition: i % partitions,
      };
    });
    await producer.send({ topic: name, messages, compression });
  }
  await producer.disconnect();
}

interface Run {
  readonly rate: number;
  readonly rssMb?: number;
}

const reader = fileURLToPath(new URL('./kafkaReader.ts', import.meta.url));

function ours(contender: string, brokers: string, { name, records }: Topic): Run {
  const args = ['--import', 'tsx', reader, contender, brokers, name, String(records)];
  const { seconds, count, rssMb } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  return { rate: count / seconds, rssMb };
}

function kcat(brokers: string, { name, records }: Topic): Run {
  const started = performance.now();
  const args = ['-C', '-q', '-e', '-b', brokers, '-t', name, '-o', 'beginning', '-f', ''];
  execFileSync('kcat', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  return { rate: records / ((performance.now() - started) / 1_000) };
}

/** Java's own tool reports the rate of fetching alone, without joining its group. */
function java(brokers: string, { name, records }: Topic): Run {
  const args = [
    '-cp',
    ensureKafka(),
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    'org.apache.kafka.tools.ConsumerPerformance',
  ];
  const more = [
    '--bootstrap-server',
    brokers,
    '--topic',
    name,
    '--messages',
    String(records),
    '--group',
    randomUUID(),
    '--timeout',
    '60000',
  ];
  const out = execFileSync('java', [...args, ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const cells = out.trim().split('\n').at(-1)?.split(',') ?? [];
  return { rate: Number(cells.at(-1)) };
}

const has = (command: string) => spawnSync(command, ['-version'], { stdio: 'ignore' }).error === undefined;

type Contender = (brokers: string, topic: Topic) => Run;
const own = (contender: string): [string, Contender] => [
  contender,
  (brokers, topic) => ours(contender, brokers, topic),
];

async function main(): Promise<void> {
  const cluster = options.brokers === undefined ? await startKafka() : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const topic: Topic = { name: `bench-${randomUUID()}`, partitions: 4, records: total, size: 100, compression: 0 };
  const contenders: [string, Contender][] = [
    own('dstream views'),
    own('dstream strings'),
    own('dstream json'),
    own('dstream pipeline'),
    own('kafkajs eachBatch'),
    ...(has('kcat') ? [['librdkafka (kcat)', kcat] as [string, Contender]] : []),
    ...(has('java') ? [['java ConsumerPerformance', java] as [string, Contender]] : []),
  ].filter(([name]) => name.includes(options.only));
  try {
    console.log(`filling a topic with ${total} records`);
    await fill(brokers, topic);
    const samples = new Map<string, Run[]>(contenders.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, contender] of contenders) {
        const run = contender(brokers, topic);
        samples.get(name)?.push(run);
        console.log(
          `round ${round + 1}  ${name.padEnd(28)} ${Math.round(run.rate).toLocaleString('en')}/s ${run.rssMb ?? ''}`,
        );
      }
    }
    report(samples);
  } finally {
    await cluster?.stop();
  }
}

function report(samples: ReadonlyMap<string, readonly Run[]>): void {
  const rows = [...samples].map(([name, runs]) =>
    rowOf(
      name,
      runs.map(({ rate }) => rate),
    ),
  );
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const ownPeaks = [...samples]
    .filter(([name]) => name.startsWith('dstream'))
    .flatMap(([name, runs]) => runs.map(({ rssMb }) => [name, rssMb ?? 0] as const));
  const peakRssMb = Object.fromEntries(
    ownPeaks.map(([name]) => [name, Math.max(...ownPeaks.filter(([other]) => other === name).map(([, rss]) => rss))]),
  );
  const ratios = {
    viewsOverKcat: median('dstream views') / median('librdkafka (kcat)'),
    stringsOverKcat: median('dstream strings') / median('librdkafka (kcat)'),
    stringsOverKafkajs: median('dstream strings') / median('kafkajs eachBatch'),
    pipelineOverJava: median('dstream pipeline') / median('java ConsumerPerformance'),
  };
  writeResults('kafka', { unit: 'records a second', rows, ratios, peakRssMb, records: total, rounds });
}

await main();
