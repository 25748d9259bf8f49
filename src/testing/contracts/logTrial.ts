import { asyncScheduler, from, lastValueFrom, type ObservableInput, timer, toArray } from 'rxjs';
import type { TopicPartition } from '../../batch/topicPartition.js';
import type { FetchedPartition, FetchRequest, LogClient } from '../../sources/log/logClient.js';
import type { NewRecord } from '../../sources/log/memoryLog.js';
import type { RecordReader } from '../../sources/log/recordReader.js';
import { settle } from './expectations.js';
import type { TestedLog } from './testedLog.js';

/** A record as it was read, with bytes as text. */
export interface ReadRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

/** Enough for everything that a case appends. */
const ampleBytes = 8 * 1024 * 1024;
/** How often, and how long apart, a case asks for what comes in time. */
const maxAttempts = 300;
const attemptPauseMs = 100;
const decoder = new TextDecoder();
let names = 0;

/** A log that one case works on. */
export class LogTrial {
  readonly log: TestedLog;
  /** A time for records, ms since the epoch: not so old that retention would take them. */
  readonly now = asyncScheduler.now() - 60_000;
  readonly #clients: LogClient[] = [];
  readonly #run = Math.random().toString(36).slice(2, 10);

  constructor(log: TestedLog) {
    this.log = log;
  }

  /** A connected client. */
  async connect(): Promise<LogClient> {
    const client = this.log.client();
    this.#clients.push(client);
    await settle(client.connect());
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await settle(client.close());
    await this.log.remove?.();
  }

  /** A name that no topic and no group has yet. */
  name(kind: string): string {
    return `${kind}-${this.#run}-${++names}`;
  }

  async topic(partitions: number, kind = 'topic'): Promise<string> {
    const topic = this.name(kind);
    await this.log.createTopic(topic, partitions);
    return topic;
  }

  /** A topic of one partition with a record batch for each value, and a client that knows it. */
  async filled(values: readonly string[]): Promise<{ client: LogClient; topic: string; place: TopicPartition }> {
    const topic = await this.topic(1);
    for (const value of values) await this.log.append(topic, [{ value, partition: 0 }]);
    return { client: await this.knowing(topic), topic, place: { topic, partition: 0 } };
  }

  /** A client that has looked up the partitions of topics, as every source does before it reads. */
  async knowing(...topics: readonly string[]): Promise<LogClient> {
    const client = await this.connect();
    await settle(client.partitions(topics));
    return client;
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<void> {
    await this.log.append(topic, records);
  }

  /** Asks until there is an answer: what a log has done may become known to its clients later. */
  async until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      await lastValueFrom(timer(attemptPauseMs));
    }
    throw new Error(`${what}: it has not come`);
  }

  /** All answers of one fetch, in the order of the requests. */
  async fetch(
    client: LogClient,
    requests: readonly (Omit<FetchRequest, 'maxBytes'> & { readonly maxBytes?: number })[],
    maxBytes = ampleBytes,
  ): Promise<readonly FetchedPartition[]> {
    const asked = requests.map((request) => ({ maxBytes: ampleBytes, ...request }));
    const answers = (await all(client.fetch(asked, { maxWait: 100, maxBytes }))).flat();
    return asked.flatMap(({ topic, partition }) =>
      answers.filter((answer) => answer.topic === topic && answer.partition === partition),
    );
  }

  /** Everything from an offset on, by as many fetches as it takes. */
  async readAll(
    client: LogClient,
    place: TopicPartition,
    offset: number,
    maxBytes = ampleBytes,
  ): Promise<readonly ReadRecord[]> {
    const records: ReadRecord[] = [];
    for (let next = offset; ; ) {
      const [answer] = await this.fetch(client, [{ ...place, offset: next, maxBytes }]);
      if (answer?.error) throw answer.error;
      if (!answer?.records) return records;
      for (const record of await readerRecords(answer.records)) records.push(record);
      if (answer.records.end <= next) throw new Error(`a fetch from ${next} ended at ${answer.records.end}`);
      next = answer.records.end;
    }
  }
}

/** Every value that comes. */
export function all<T>(input: ObservableInput<T>): Promise<T[]> {
  return lastValueFrom(from(input).pipe(toArray()));
}

/** Reads a reader to its end. */
export async function readerRecords(reader: RecordReader, step = 1_000): Promise<readonly ReadRecord[]> {
  const records: ReadRecord[] = [];
  while (!reader.done) {
    for (const record of await readSome(reader, Number.MAX_SAFE_INTEGER, step)) records.push(record);
  }
  return records;
}

/** Loads what is next, and reads at most `max` records below `until`. */
export async function readSome(reader: RecordReader, until: number, max: number): Promise<readonly ReadRecord[]> {
  const records: ReadRecord[] = [];
  await reader.load();
  reader.read(until, max, ({ offset, timestamp, key, value, headers }) => {
    records.push({
      offset,
      timestamp,
      key: text(key),
      value: text(value),
      headers: headers.map(([name, bytes]) => [name, text(bytes)]),
    });
  });
  return records;
}

function text(bytes: Uint8Array | null): string | null {
  return bytes && decoder.decode(bytes);
}
