// How fast is a Kafka topic read, beside kafkajs, @platformatic/kafka, librdkafka (kcat), Java's client and Spark Streaming, on the
// same topics in the same run, in interleaved rounds?
//
//   npm run bench -- kafka [--records N] [--rounds N] [--only TEXT] [--spark] [--brokers HOST:PORT]
//
// --only reads just the rows whose name has the text in it, such as "views" or "gzip", and writes no results. --spark has Spark Streaming
// read too, which Maven fetches once. `Run` in kafka/contenders.ts says what each figure counts.
import { randomUUID } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildReader, type Contender, contenders, type Run } from './kafka/contenders.js';
import { sparkContenders } from './kafka/spark.js';
import { fill, growingLabel, growth, type Topic, topicsOf } from './kafka/topics.js';
import { rowOf, writeResults } from './report.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '4000000' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    spark: { type: 'boolean', default: false },
    brokers: { type: 'string' },
  },
});
const records = Number(options.records);
const rounds = Number(options.rounds);

/** Read from topics of growing size too. */
const grown = ['dstream views', 'dstream strings', 'dstream strings, all monitors'];

interface Entry {
  readonly name: string;
  readonly contender: Contender;
  readonly topic: Topic;
  readonly runs: Run[];
}

function entriesOf(topics: readonly Topic[], absent: Record<string, string>): readonly Entry[] {
  const known = [...contenders(), ...sparkContenders(options.spark)];
  return topics.flatMap((topic) =>
    known.flatMap((contender) => {
      const name = [contender.name, topic.label].filter((part) => part !== '').join(', ');
      if (!name.includes(options.only)) return [];
      if (topic.growing ? !grown.includes(contender.name) : contender.baseOnly && topic.label !== '') return [];
      const reason = contender.refuses(topic);
      if (reason === undefined) return { name, contender, topic, runs: [] };
      absent[name] = reason;
      return [];
    }),
  );
}

async function main(): Promise<void> {
  const [load = 0] = loadavg();
  if (load > cpus().length / 2) {
    console.warn(
      `the machine is busy (load ${load.toFixed(1)}): contenders with more threads get more of it than the others`,
    );
  }
  const cluster = options.brokers === undefined ? await startKafka({ longLived: true }) : undefined;
  const brokers = options.brokers ?? cluster?.brokers ?? '';
  const absent: Record<string, string> = {};
  const entries = entriesOf(topicsOf(`bench-${randomUUID()}`, records), absent);
  try {
    buildReader();
    for (const topic of new Set(entries.map((entry) => entry.topic))) {
      console.log(`filling a topic with ${topic.records} records${topic.label && `, ${topic.label}`}`);
      await fill(brokers, topic);
    }
    for (let round = 0; round < rounds; round++) {
      for (const { name, contender, topic, runs } of entries) {
        const run = contender.run(brokers, topic);
        runs.push(run);
        const shown = [run.reading, run.whole].map((rate) => `${Math.round(rate).toLocaleString('en')}/s`);
        console.log(`round ${round + 1}  ${name.padEnd(36)} ${shown.join('  whole ')}  ${run.rssMb ?? ''}`);
      }
    }
    report(entries, absent, load);
  } finally {
    await cluster?.stop();
  }
}

function report(entries: readonly Entry[], absent: Readonly<Record<string, string>>, load: number): void {
  const rows = entries.map(({ name, topic, runs }) => {
    const of = (figure: (run: Run) => number | undefined) => {
      const figures = runs.map(figure).filter((value) => value !== undefined);
      const { median, min, max } = rowOf(name, figures);
      return figures.length > 0 ? { median, min, max } : undefined;
    };
    const reading = rowOf(
      name,
      runs.map((run) => run.reading),
    );
    return {
      ...reading,
      whole: of((run) => run.whole),
      perCpuSecond: of((run) => run.perCpuSecond),
      records: topic.records,
    };
  });
  const reading = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const whole = (name: string) => rows.find((row) => row.name === name)?.whole?.median ?? Number.NaN;
  const cpu = (name: string) => rows.find((row) => row.name === name)?.perCpuSecond?.median ?? Number.NaN;
  /** CPU seconds that the topic of a part of the records takes. */
  const cost = (name: string, part: number) => (records * part) / cpu(`${name}, ${growingLabel(records, part)}`);
  /** CPU seconds from one part of the records to another: what starting up takes is in neither. */
  const costBetween = (name: string, from: number, to: number) => (cost(name, to) - cost(name, from)) / (to - from);
  const [small, middle, large] = growth;
  /** What a record costs between the second and the last size, over what it costs between the first and the second. */
  const linear = (name: string) => costBetween(name, middle, large) / costBetween(name, small, middle);
  const java = 'java ConsumerPerformance';
  const kcat = 'librdkafka (kcat)';
  const ratios = {
    // kcat tells only its whole time, so ours is the whole time here too.
    viewsOverKcat: whole('dstream views') / whole(kcat),
    stringsOverKcat: whole('dstream strings') / whole(kcat),
    stringsOverKafkajs: reading('dstream strings') / reading('kafkajs eachBatch'),
    stringsOverPlatformatic: reading('dstream strings') / reading('platformatic stream'),
    pipelineOverJava: reading('dstream pipeline') / reading(java),
    pipelineOverJavaWhole: whole('dstream pipeline') / whole(java),
    pipelineOverSpark: reading('dstream pipeline') / reading('spark streaming, pipeline'),
    stringsOverSpark: reading('dstream strings') / reading('spark streaming, strings'),
    viewsOverKcatCpu: cpu('dstream views') / cpu(kcat),
    stringsOverKcatCpu: cpu('dstream strings') / cpu(kcat),
    // 1.02 is 2% more CPU time with every monitor on, once the process has started.
    monitorsCpu:
      costBetween('dstream strings, all monitors', middle, large) / costBetween('dstream strings', middle, large),
    // 1 where the cost of a record does not depend on how many there are; starting up is in neither of the two.
    linearViews: linear('dstream views'),
    linearStrings: linear('dstream strings'),
    // How much more CPU time reading takes with checksums, for the cheapest way to read: 0.05 is 5%.
    crcCost: cpu('dstream views') / cpu('dstream views, CRC checked') - 1,
  };
  const told = Object.entries(ratios).filter(([, ratio]) => Number.isFinite(ratio));
  const peaks = entries.flatMap(({ name, runs }) => {
    const peak = Math.max(...runs.map(({ rssMb }) => rssMb ?? 0));
    return peak > 0 ? [[name, peak]] : [];
  });
  const more = { peakRssMb: Object.fromEntries(peaks), records, rounds, load, absent };
  const unit = 'records a second, from knowing the partitions to the last record';
  // A part of the rows must not take the place of all of them.
  const save = options.only === '';
  for (const [name, reason] of Object.entries(absent)) console.log(`absent: ${name} (${reason})`);
  writeResults('kafka', { unit, rows, ratios: Object.fromEntries(told), ...more }, save);
}

await main();
