import { setTimeout as sleep } from 'node:timers/promises';
import { from, lastValueFrom, toArray } from 'rxjs';
import {
  CheckpointError,
  CorruptCheckpointError,
  InvalidOptionError,
  MalformedRecordError,
  UnknownTopicError,
} from '../../../batch/errors.js';
import type { TopicPartition } from '../../../batch/topicPartition.js';
import type { ProducerMessage, TransactionsPort } from '../../../outputs/kafka/producerPort.js';
import { TransactionalProducer } from '../../../outputs/kafka/transactionalProducer.js';
import {
  type Changelog,
  ChangelogCut,
  type ChangelogPosition,
  type ChangelogRecord,
  type ChangelogState,
  type ReadProgress,
  type UnreadRecords,
} from '../../../state/kafka/changelog.js';
import { copySlices } from '../../../state/kafka/copySlices.js';
import { withSalvageHint } from '../../../state/salvageHint.js';
import { LoopSlices } from '../../../storage/loopSlices.js';
import { isOtherTopic } from '../../log/logBreak.js';
import type { FetchedPartition, LogClient, LogPoint } from '../../log/logClient.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import { KafkajsClient } from './kafkajsClient.js';
import { kafkajsTransactions } from './kafkajsTransactions.js';
import { type SharedRead, sharedReads } from './sharedReads.js';
import { expiringPolicy, topicSetting } from './topicConfig.js';
import { translateError } from './translateError.js';
import { UnreadRanges } from './unreadRanges.js';
import { withBackOff } from './withBackOff.js';

/** Where a changelog lives. */
export interface ChangelogPlace extends TopicPartition {
  /** How many partitions the topic gets where it is missing; `undefined`: it must exist. */
  readonly partitions: number | undefined;
  /** When the broker aborts a transaction that has not ended, in ms. */
  readonly transactionTimeout: number;
  /** Whether it is only read, for a copy: by a client that all copies of the process share. */
  readonly follows?: boolean;
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
/** Few enough that a slice of the event loop does not become much longer. */
const recordsPerRead = 1_000;
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
  readonly #partition: TopicPartition;
  readonly #transactions: TransactionsPort;
  /** From when it is taken: until then another may have it. */
  #producer: TransactionalProducer | undefined;
  #reading: SharedRead | undefined;
  /** From when its end is asked for. */
  #watching: SharedRead | undefined;
  #appending: Promise<unknown> = Promise.resolve();
  /** The offset after what is being appended. */
  #written: number | undefined;
  #topicId: string | undefined;

  constructor(kafka: Kafka | KafkaRuntime, location: string, place: ChangelogPlace) {
    this.#kafka = kafka;
    this.location = location;
    this.#place = place;
    this.#partition = { topic: place.topic, partition: place.partition };
    this.#transactions = kafkajsTransactions(kafka, place.transactionTimeout, (topic, partition, end) => {
      if (topic === place.topic && partition === place.partition) this.#written = end;
    });
  }

  command(action: string): string {
    const { topic, partition } = this.#place;
    return changelogCommand(topic, partition, action);
  }

  async read(
    position: ChangelogPosition,
    visit: (record: ChangelogRecord) => void,
    progress?: ReadProgress,
    passed?: (records: UnreadRecords) => void,
    signal?: AbortSignal,
  ): Promise<ChangelogPosition> {
    const client = await this.#connected();
    const { until, highWatermark, begin, epoch, topicId } = await this.#ends(client);
    // A transaction that is decided, and that the broker has not ended here: of an owner that is gone.
    if (until < position.offset && position.offset <= highWatermark) return position;
    const isShort = until < position.offset || isOtherTopic(topicId, this.#topicId);
    // What lies before its beginning now was never read.
    const isLate = position.offset > 0 && position.offset < begin;
    if (isShort || isLate || (await this.#cutAt(client, position, epoch)) !== undefined) {
      const { topic } = this.#place;
      const edge = isLate && !isShort ? `begins at ${begin}` : `ends at ${until}`;
      const says = `topic "${topic}" was cut or created again: it ${edge}, and was read up to ${position.offset}`;
      throw new CheckpointError(this.location, 'read', { cause: new ChangelogCut(says) });
    }
    const slices = this.#place.follows ? copySlices : new LoopSlices();
    let offset = Math.max(position.offset, begin);
    const unreadRanges = new UnreadRanges((records) => passed?.(records));
    // It is the same log up to the position, as has been found.
    const present = epoch ?? position.epoch;
    const told: ReadProgress | undefined = progress && ((to, end) => progress(to, end, present));
    await told?.(offset, until);
    while (offset < until) {
      signal?.throwIfAborted();
      const request = { ...this.#partition, offset, maxBytes: fetchBytes };
      const responses = client.fetch([request], { maxWait: 0, maxBytes: fetchBytes, ...(signal && { signal }) });
      const [fetched] = (await lastValueFrom(from(responses).pipe(toArray()))).flat();
      if (fetched?.error) throw fetched.error;
      const { next = offset, unread } = await readTo(fetched, until, visit, slices, told);
      if (unread && unreadRanges.believes(unread)) {
        if (!passed) throw withSalvageHint(new CorruptCheckpointError(this.location, unread.from, unread.reason), this);
        unreadRanges.pass(unread);
        offset = unread.until;
        continue;
      }
      if (next === offset) await sleep(pauseMs);
      offset = next;
    }
    unreadRanges.end();
    return { offset, epoch: present };
  }

  async describe(position?: ChangelogPosition): Promise<ChangelogState> {
    const client = await this.#connected();
    const [{ highWatermark, begin, epoch }, retention] = await Promise.all([
      this.#ends(client),
      topicSetting(kafkaAccess(this.#kafka).kafka, this.#place.topic, 'delete.retention.ms'),
    ]);
    return {
      id: this.#topicId,
      begin,
      end: highWatermark,
      cutAt: position && (await this.#cutAt(client, position, epoch)),
      tombstonesMs: retention.isKnown ? toNumber(retention.value) : 'unknown',
    };
  }

  async end(): Promise<ChangelogPosition> {
    this.#watching ??= sharedReads(this.#kafka);
    try {
      const client = await this.#watching.client;
      // It may not have heard of the topic.
      await lastValueFrom(from(client.partitions([this.#place.topic])));
      const { highWatermark, epoch } = await this.#ends(client);
      return { offset: highWatermark, epoch };
    } catch (error) {
      this.#stopWatching();
      throw error;
    }
  }

  async #ends(client: LogClient) {
    const ask = (point: LogPoint) => lastValueFrom(from(client.offsets([this.#partition], point)));
    const [[end], [begin]] = await Promise.all([ask('latest'), ask('earliest')]);
    const until = end?.offset ?? 0;
    const highWatermark = end?.highWatermark ?? until;
    return { until, highWatermark, begin: begin?.offset ?? 0, epoch: end?.leaderEpoch, topicId: end?.topicId };
  }

  /** Where the log was cut before a position, and written again; `undefined` where it was not, or nobody knows. */
  async #cutAt(
    client: LogClient,
    { offset, epoch }: ChangelogPosition,
    present: number | undefined,
  ): Promise<number | undefined> {
    if (epoch === undefined || epoch === present || !client.diverged) return undefined;
    const positions = [{ ...this.#partition, offset, leaderEpoch: epoch }];
    const [found] = await lastValueFrom(from(client.diverged(positions)));
    return found?.offset;
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
    this.#stopWatching();
    await this.#transactions.close(this.#appending);
  }

  /** So that its connections do not idle. */
  #stopReading(): void {
    this.#reading?.release();
    this.#reading = undefined;
  }

  #stopWatching(): void {
    this.#watching?.release();
    this.#watching = undefined;
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

  async #connected(): Promise<LogClient> {
    if (this.#reading) return this.#reading.client;
    const reading = this.#place.follows ? sharedReads(this.#kafka) : ownReads(this.#kafka);
    this.#reading = reading;
    const client = await reading.client;
    await this.#ensureTopic(client);
    return client;
  }

  async #ensureTopic(client: LogClient): Promise<void> {
    const { topic, partition, partitions } = this.#place;
    const { kafka } = kafkaAccess(this.#kafka);
    const partitionsOf = () => lastValueFrom(from(client.partitions([topic])));
    const found = await partitionsOf().catch(async (error: unknown) => {
      if (!isRetriable(error)) throw error;
      if (partitions === undefined) {
        const rule = `must be set, since topic "${topic}" does not exist: to the number of tasks`;
        throw new InvalidOptionError('kafkaCheckpoint', 'partitions', partitions, rule);
      }
      await createTopic(kafka, topic, partitions);
      // Brokers hear of it one after the other.
      return withBackOff(partitionsOf, { ...creationBackOff, isRetriable });
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

function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/**
 * Reads what was fetched: `next` is the offset after it, and absent where the partition could not be read now. Others have their turn between
 * slices.
 */
async function readTo(
  fetched: FetchedPartition | undefined,
  until: number,
  visit: (record: ChangelogRecord) => void,
  slices: LoopSlices,
  progress: ReadProgress | undefined,
): Promise<{ readonly next?: number; readonly unread?: UnreadRecords }> {
  const reader = fetched?.records;
  if (!reader) return {};
  try {
    while (!reader.done && reader.position < until) {
      if (slices.isOver()) await slices.next();
      await reader.load();
      reader.read(until, recordsPerRead, ({ key, value }) => {
        if (key) visit({ key: key as Buffer, value: value as Buffer | null });
      });
      await progress?.(reader.done ? reader.end : reader.position, until);
    }
    return { next: reader.done ? reader.end : reader.position };
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    const next = reader.position;
    return { next, unread: { ...reader.skip(), reason: error.reason } };
  } finally {
    reader.release?.();
  }
}

/** Reads for one opening, on connections of its own. A state has no checksum but that of its record batch. */
function ownReads(kafka: Kafka | KafkaRuntime): SharedRead {
  const client = new KafkajsClient(kafka, { checkCrcs: true });
  return { client: client.connect().then(() => client), release: () => void client.close() };
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
