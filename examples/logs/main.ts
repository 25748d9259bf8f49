import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { costModel, type DeadLetter, logBatches, type Pair } from 'dstream';
import { deadLetterTopic, kafkaBatches } from 'dstream/kafka';
import { fileCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { startApi } from './api.js';
import { type Answer, incidents } from './incidents.js';
import { deserialize, embeddedLog, type LogLine, topics as usual } from './logLine.js';
import { ingestion } from './pipeline.js';

const { values } = parseArgs({
  options: {
    /** Brokers of a Kafka with the topics, which `produce.ts` creates and fills. Without it the log is in memory. */
    brokers: { type: 'string' },
    /** Put before the names of the topics and of the groups. */
    prefix: { type: 'string', default: '' },
    /** Address that errors are posted to. Without it an API runs in this process. */
    api: { type: 'string' },
    /** `latest`: ends when everything that was there at the start has been read, as it always does without Kafka. */
    until: { type: 'string' },
    data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
    lines: { type: 'string', default: '3000' },
  },
});

await mkdir(values.data, { recursive: true });
const api = values.api === undefined ? await startApi() : undefined;
const url = values.api ?? api?.url ?? '';
let dead = 0;
let counted: readonly Pair<string, number>[] = [];

const lines = open();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void lines.stop());
const report = incidents(post, { perSecond: 100 });
const job = ingestion(lines, {
  report,
  counts: (counts) => {
    counted = counts;
  },
});
await lastValueFrom(job, { defaultValue: undefined });
api?.close();
for (const [name, count] of [...counted].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`${name}: ${count}`);
if (api) console.log(`incidents: ${api.incidents.size}, refused: ${api.refused}`);
if (!values.brokers) console.log(`dead letters: ${dead}`);

function open() {
  const options = {
    interval: 500,
    start: 'earliest',
    deserialize,
    // What the API allows decides how much is read.
    backpressure: costModel(),
    initialRate: 500,
    checkpoint: fileCheckpoint(join(values.data, 'checkpoint')),
    maxErrors: 1_000,
    batchObserver: {
      next: ({ records, processingDelay }: { records: number; processingDelay: number }) => {
        if (records > 0) console.log(`${records} lines in ${Math.round(processingDelay)} ms`);
      },
    },
  } as const;
  if (!values.brokers) {
    return logBatches(embeddedLog(Number(values.lines)), {
      ...options,
      topics: [usual.lines],
      until: 'latest',
      onRecordError: { next: writeDead },
    });
  }
  const kafka = new Kafka({ clientId: 'logs', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
  const [topic, deadTopic] = [`${values.prefix}${usual.lines}`, `${values.prefix}${usual.dead}`];
  return kafkaBatches(kafka, {
    ...options,
    topics: [topic],
    groupId: topic,
    ...(values.until === 'latest' && { until: 'latest' }),
    onRecordError: deadLetterTopic(kafka, { topic: deadTopic, groupId: deadTopic }),
  });
}

/** The batch waits until the line is in the file. */
async function writeDead({ origin, error }: DeadLetter): Promise<void> {
  const value = Buffer.from(origin?.value ?? []).toString();
  const letter = { value, partition: origin?.partition, offset: origin?.offset, error: String(error) };
  await appendFile(join(values.data, 'dead-letters.jsonl'), `${JSON.stringify(letter)}\n`);
  dead++;
}

/** A line that is posted again after a crash has the same key, so that the API keeps it once. */
async function post(line: LogLine): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': line.id };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(line) });
  await response.arrayBuffer();
  const after = response.headers.get('retry-after');
  return { status: response.status, ...(after !== null && { retryAfter: Number(after) }) };
}
