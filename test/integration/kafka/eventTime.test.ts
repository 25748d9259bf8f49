import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  eventTime,
  foreachBatch,
  groupByKeyAndEventWindow,
  json,
  type LateRecord,
  type LogSourceOptions,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  sideOutput,
} from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { lastValueFrom, merge, retry, timeout } from 'rxjs';
import { beforeAll, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { densePartitions, expectedLines, type Lines, shape } from '../../eventtime/densities.js';
import type { Timed } from '../../eventtime/offline.js';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

// A topic of four partitions with densities of 1:3:10:30 and disorder, read up to its end: at any rate, shared in any way, and with
// crashes in between, the same lines are written, those that the records of each partition have by themselves.

const partitions = densePartitions(60);

async function filledTopic(kafka: Kafka): Promise<string> {
  const topic = await makeTopic(kafka, partitions.length);
  const messages = partitions.flatMap((events, partition) =>
    events.map((event) => ({ partition, value: JSON.stringify(event) })),
  );
  await produce(kafka, topic, [messages]);
  return topic;
}

type Reading = Pick<LogSourceOptions<unknown>, 'maxRatePerPartition' | 'rateSharing' | 'until'>;

let child: string;
beforeAll(async () => {
  child = await buildChild(new URL('../../support/eventTimeChild.ts', import.meta.url));
});

/** What is written of the topic; the output fails after it has written the batches with these numbers. */
async function written(kafka: Kafka, topic: string, reading: Reading, crashes: readonly number[] = []): Promise<Lines> {
  const results = new Map<number, readonly string[]>();
  const lates = new Map<number, readonly string[]>();
  const left = [...crashes];
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const windows = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    until: 'latest',
    interval: 20,
    deserialize: json<Timed>(),
    checkpoint: memoryCheckpoint(),
    ...reading,
  }).pipe(
    eventTime({
      timestamp: ([at]) => at,
      outOfOrderness: shape.outOfOrderness,
      idleAfter: Infinity,
      id: 'time',
    }),
    mapRecords(([, key, value]) => [key, value]),
    groupByKeyAndEventWindow({ window: shape.window, slide: shape.slide, late, id: 'windows' }),
  );
  const outputs = merge(
    late.pipe(
      foreachBatch((records, { time }) => {
        lates.set(
          time,
          records.map(({ record: [key, value], time: at }) => JSON.stringify([at, key, value])),
        );
      }),
    ),
    windows.pipe(
      foreachBatch((given, { time }) => {
        const lines = given.map((each) => JSON.stringify(each));
        // A batch that is replayed has the same results, in the same order.
        expect(results.get(time) ?? lines).toEqual(lines);
        results.set(time, lines);
        if (left[0] !== undefined && results.size > left[0]) {
          left.shift();
          throw new Error('crash');
        }
      }),
    ),
  );
  await lastValueFrom(outputs.pipe(retry(crashes.length), timeout({ first: 300_000, each: 300_000 })));
  return { windows: [...results.values()].flat().sort(), late: [...lates.values()].flat().sort() };
}

/** The sorted lines of a process that is killed after as many batches as `kills` says, and then reads to the end. */
async function writtenInProcesses(topic: string, rateSharing: string, kills: readonly number[]): Promise<Lines> {
  const directory = await mkdtemp(join(tmpdir(), 'dstream-event-time-'));
  for (const batches of [...kills, Infinity]) {
    const args = [child, brokers.join(','), topic, directory, rateSharing];
    const reader = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(reader, 'exit');
    let seen = 0;
    let last = '';
    for await (const line of createInterface({ input: reader.stdout })) {
      last = line;
      if (line === 'batch' && ++seen === batches) reader.kill('SIGKILL');
    }
    await exited;
    expect(last).toBe(batches === Infinity ? 'complete' : 'batch');
  }
  const folder = join(directory, 'lines');
  const files = (await readdir(folder)).filter((name) => !name.endsWith('.new'));
  const linesOf = async (prefix: string) => {
    const texts = files.filter((name) => name.startsWith(prefix)).map((name) => readFile(join(folder, name), 'utf8'));
    return (await Promise.all(texts)).flatMap((text) => text.split('\n').filter(Boolean)).sort();
  };
  const lines = { windows: await linesOf('windows-'), late: await linesOf('late-') };
  await rm(directory, { recursive: true });
  return lines;
}

describeKafka('windows of a topic by event time', () => {
  it('are the same live, while the topic is written', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, partitions.length);
    const until = partitions.map(({ length }, partition) => ({ topic, partition, offset: length }));
    const live = written(kafka, topic, { until });
    const messages = partitions.flatMap((events, partition) =>
      events.map((event, i) => ({ partition, value: JSON.stringify(event), at: i / events.length })),
    );
    messages.sort((a, b) => a.at - b.at);
    const chunks = Array.from({ length: 20 }, (_, i) =>
      messages.slice((i * messages.length) / 20, ((i + 1) * messages.length) / 20),
    );
    await produce(kafka, topic, chunks);
    expect(await live).toEqual(expectedLines(partitions, true));
  });

  it.each(nightly ? ['lag', 'aligned'] : ['aligned'])(
    'are the same when the process is killed three times, by %s',
    async (rateSharing) => {
      const topic = await filledTopic(newKafka());
      expect(await writtenInProcesses(topic, rateSharing, [2, 3, 2])).toEqual(expectedLines(partitions, true));
    },
  );

  it('are the same at any rate, shared in any way, and with crashes in between', async () => {
    const kafka = newKafka();
    const topic = await filledTopic(kafka);
    const expected = expectedLines(partitions, true);
    expect(expected.late.length).toBeGreaterThan(20);
    expect(expected.windows.length).toBeGreaterThan(200);
    expect(await written(kafka, topic, {})).toEqual(expected);
    expect(await written(kafka, topic, { maxRatePerPartition: 10_000, rateSharing: 'lag' })).toEqual(expected);
    expect(await written(kafka, topic, { maxRatePerPartition: 2_000, rateSharing: 'fair' })).toEqual(expected);
    expect(await written(kafka, topic, { maxRatePerPartition: 3_000, rateSharing: 'aligned' })).toEqual(expected);
    expect(await written(kafka, topic, { maxRatePerPartition: 3_000 }, [2, 5, 6])).toEqual(expected);
  });
});
