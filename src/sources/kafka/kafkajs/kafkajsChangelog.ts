import { setTimeout as sleep } from 'node:timers/promises';
import { lastValueFrom, toArray } from 'rxjs';
import { CheckpointError, InvalidOptionError, UnknownTopicError } from '../../../batch/errors.js';
import type { TopicPartition } from '../../../batch/topicPartition.js';
import type { ProducerMessage, TransactionsPort } from '../../../outputs/kafka/producerPort.js';
import { TransactionalProducer } from '../../../outputs/kafka/transactionalProducer.js';
import type { Changelog, ChangelogRecord, ChangelogState } from '../../../state/kafka/changelog.js';
import type { FetchedPartition } from '../../log/logClient.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import { KafkajsClient } from './kafkajsClient.js';
import { kafkajsTransactions } from './kafkajsTransactions.js';
import { expiringPolicy, topicConfig } from './topicConfig.js';
import { translateError } from './translateError.js';
import { withBackOff } from './withBackOff.js';

/** Where a changelog lives. */
export interface ChangelogPlace extends TopicPartition {
  /** How many partitions the topic gets where it is missing; `undefined`: it must exist. */
  readonly partitions: number | undefined;
  /** When the broker aborts a transaction that has not ended, in ms. */
  readonly transactionTimeout: number;
}

/** What is written with a batch. */
export interface BatchMessages {
  /** By topic. */
  readonly messages: ReadonlyMap<string, readonly ProducerMessage[]>;
  /** Called when they have been written, or with why not. */
  settled(failure?: { readonly error: unknown }): void;
}

const fetchBytes = 4 * 1_024 * 1_024;
/** Between two requests for a partition that cannot be read now, in ms. */
const pauseMs = 50;
const recordsPerRead = 10_000;
/**
 * A segment is compacted once it is full: with larger ones, of which a gigabyte is the default, many old values are read at a start. A reader
 * that was away for less than the retention misses no tombstone.
 */
const newTopicConfig = { 'cleanup.policy': 'compact', 'segment.bytes': '52428800', 'delete.retention.ms': '86400000' };
/** Until brokers know a topic that was created. */
const creationBackOff = { firstPauseMs: 20, maxPauseMs: 500, timeoutMs: 30_000 } as const;
const isRetriable = (error: unknown) => error instanceof UnknownTopicError;

/** The command line that does something to the checkpoint in a partition. */
export function changelogCommand(topic: string, partition: number, action: string): string {
  return `npx dstream checkpoint kafka://BROKERS/${topic}/${partition} ${action}`;
}

/** A partition of a compacted topic, through kafkajs. */
export class KafkajsChangelog implements Changelog<BatchMessages> {
  readonly location: string;
  readonly #kafka: Kafka | KafkaRuntime;
  readonly #place: ChangelogPlace;
  readonly #transactions: TransactionsPort;
  /** From when it is taken: until then another may have it. */
  #producer: TransactionalProducer | undefined;
  #client: KafkajsClient | undefined;
  #appending: Promise<unknown> = Promise.resolve();
  /** The offset after what is being appended. */
  #written: number | undefined;
  #topicId: string | undefined;

  constructor(kafka: Kafka | KafkaRuntime, location: string, place: ChangelogPlace) {
    this.#kafka = kafka;
    this.location = location;
    this.#place = place;
    this.#transactions = kafkajsTransactions(kafka, place.transactionTimeout, (topic, partition, end) => {
      if (topic === place.topic && partition === place.partition) this.#written = end;
    });
  }

  command(action: string): string {
    const { topic, partition } = this.#place;
    return changelogCommand(topic, partition, action);
  }

  async read(from: number, visit: (record: ChangelogRecord) => void): Promise<number> {
    const client = await this.#connected();
    const { topic, partition } = this.#place;
    const [[end], [begin]] = await Promise.all([
      client.offsets([{ topic, partition }], 'latest'),
      client.offsets([{ topic, partition }], 'earliest'),
    ]);
    const until = end?.offset ?? 0;
    // A transaction that is decided, and that the broker has not ended here: of an owner that is gone.
    if (until < from && from <= (end?.highWatermark ?? until)) return from;
    if (until < from) {
      const cause = new Error(
        `topic "${topic}" was cut or created again: it ends at ${until}, and was read up to ${from}`,
      );
      throw new CheckpointError(this.location, 'read', { cause });
    }
    let offset = Math.max(from, begin?.offset ?? 0);
    while (offset < until) {
      const request = { topic, partition, offset, maxBytes: fetchBytes };
      const responses = client.fetch([request], { maxWait: 0, maxBytes: fetchBytes });
      const [fetched] = (await lastValueFrom(responses.pipe(toArray()))).flat();
      if (fetched?.error) throw fetched.error;
      const next = await readTo(fetched, until, visit);
      if (next === undefined || next === offset) await sleep(pauseMs);
      offset = next ?? offset;
    }
    return offset;
  }

  async describe(): Promise<ChangelogState> {
    const client = await this.#connected();
    const { topic, partition } = this.#place;
    const [[end], [begin], retention] = await Promise.all([
      client.offsets([{ topic, partition }], 'latest'),
      client.offsets([{ topic, partition }], 'earliest'),
      topicConfig(kafkaAccess(this.#kafka).kafka, topic, 'delete.retention.ms'),
    ]);
    return {
      id: this.#topicId,
      begin: begin?.offset ?? 0,
      end: end?.highWatermark ?? end?.offset ?? 0,
      tombstonesMs: retention === undefined ? undefined : Number(retention),
    };
  }

  async take(): Promise<void> {
    const { topic, partition } = this.#place;
    this.#producer = new TransactionalProducer(this.#transactions.producer(`dstream-checkpoint-${topic}-${partition}`));
    await this.#producer.connect();
  }

  append(records: readonly ChangelogRecord[], others: readonly BatchMessages[]): Promise<number | undefined> {
    // An owner has read all.
    this.#stopReading();
    const appending = this.#append(records, others);
    this.#appending = appending;
    return appending;
  }

  async close(): Promise<void> {
    this.#stopReading();
    await this.#transactions.close(this.#appending);
  }

  /** So that its connections do not idle. */
  #stopReading(): void {
    void this.#client?.close();
    this.#client = undefined;
  }

  async #append(records: readonly ChangelogRecord[], others: readonly BatchMessages[]): Promise<number | undefined> {
    this.#written = undefined;
    const { topic, partition } = this.#place;
    const messages = new Map<string, ProducerMessage[]>([[topic, records.map((one) => ({ ...one, partition }))]]);
    for (const [of, more] of others.flatMap((one) => [...one.messages])) {
      const before = messages.get(of) ?? [];
      for (const message of more) before.push(message);
      messages.set(of, before);
    }
    try {
      if (!this.#producer) throw new Error('it has not been taken');
      await this.#producer.write({ messages });
    } catch (error) {
      for (const one of others) one.settled({ error });
      throw error;
    }
    for (const one of others) one.settled();
    return this.#written;
  }

  async #connected(): Promise<KafkajsClient> {
    if (this.#client) return this.#client;
    const client = new KafkajsClient(this.#kafka);
    this.#client = client;
    await client.connect();
    await this.#ensureTopic(client);
    return client;
  }

  async #ensureTopic(client: KafkajsClient): Promise<void> {
    const { topic, partition, partitions } = this.#place;
    const { kafka } = kafkaAccess(this.#kafka);
    const found = await client.partitions([topic]).catch(async (error: unknown) => {
      if (!isRetriable(error)) throw error;
      if (partitions === undefined) {
        const rule = `must be set, since topic "${topic}" does not exist: to the number of tasks`;
        throw new InvalidOptionError('kafkaCheckpoint', 'partitions', partitions, rule);
      }
      await createTopic(kafka, topic, partitions);
      // Brokers hear of it one after the other.
      return withBackOff(() => client.partitions([topic]), { ...creationBackOff, isRetriable });
    });
    const own = found.find((one) => one.partition === partition);
    this.#topicId = own?.topicId;
    if (!own) {
      const rule = `must be a partition of topic "${topic}", which has ${found.length}`;
      throw new InvalidOptionError('kafkaCheckpoint', 'partition', partition, rule);
    }
    const policy = await expiringPolicy(kafka, topic);
    if (policy === undefined) return;
    const cause = new Error(
      `topic "${topic}" is not only compacted (cleanup.policy is "${policy}"): states would expire`,
    );
    throw new CheckpointError(this.location, 'open', { cause });
  }
}

/** Returns the offset after what was read; `undefined` where the partition could not be read now. */
async function readTo(
  fetched: FetchedPartition | undefined,
  until: number,
  visit: (record: ChangelogRecord) => void,
): Promise<number | undefined> {
  const reader = fetched?.records;
  if (!reader) return undefined;
  try {
    while (!reader.done && reader.position < until) {
      await reader.load();
      reader.read(until, recordsPerRead, ({ key, value }) => {
        // The views are valid during the call only.
        if (key) visit({ key: Buffer.from(key), value: value && Buffer.from(value) });
      });
    }
    return reader.done ? reader.end : reader.position;
  } finally {
    reader.release?.();
  }
}

/** Another process may be creating it too. */
async function createTopic(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const configEntries = Object.entries(newTopicConfig).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
      waitForLeaders: false,
    });
  } catch (cause) {
    throw translateError(cause, 'CreateTopics', { topics: [topic] });
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
