import type { Admin, Kafka, Message } from 'kafkajs';
import type { Batch } from '../../batch/batch.js';
import { ProtocolError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { translateError } from '../../sources/kafka/kafkaErrors.js';
import { TransactionalProducer, timeIn } from './transactionalProducer.js';

/** A record to be written. */
export interface OutputMessage extends Message {
  /** Where it goes, when not to the topic of the operation. */
  readonly topic?: string;
}

interface Committed {
  readonly offset: number;
  readonly time: number | undefined;
}

/** What belongs together: the input ranges and the records made of them. */
interface Part {
  readonly name: string;
  readonly ranges: readonly OffsetRange[];
  readonly records: readonly OutputMessage[];
}

export interface BatchTransactionsOptions {
  readonly topic: string | undefined;
  readonly groupId: string;
  readonly transactionTimeout: number;
}

/** The transactions of one subscription: producers are made when they are needed, and live until `close`. */
export class BatchTransactions {
  readonly #kafka: Kafka;
  readonly #options: BatchTransactionsOptions;
  readonly #admin: Admin;
  readonly #producers = new Map<string, Promise<TransactionalProducer>>();
  /** Those that have gone beyond what an earlier life has written. */
  readonly #isNew = new Set<string>();
  #adminConnected: Promise<void> | undefined;
  #closed = false;

  constructor(kafka: Kafka, options: BatchTransactionsOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#admin = kafka.admin();
  }

  /** Writes what of the batch has not been written in an earlier life. */
  async write(batch: Batch<OutputMessage>): Promise<void> {
    const { time } = batch.context;
    await Promise.all(
      this.#partsOf(batch).map(async ({ name, ranges, records }) => {
        const producer = await this.#producer(name);
        // Asked after the former owner was fenced, and until something is new: from then on nobody else commits.
        if (!this.#isNew.has(name) && (await this.#wasWritten(ranges, time))) return;
        this.#isNew.add(name);
        await producer.write({ messages: this.#byTopic(records), ranges, time });
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    const producers = await Promise.allSettled(this.#producers.values());
    await Promise.all(producers.map(async (one) => one.status === 'fulfilled' && one.value.close()));
    if (this.#adminConnected) await this.#admin.disconnect().catch(() => {});
  }

  #producer(name: string): Promise<TransactionalProducer> {
    let made = this.#producers.get(name);
    if (!made) {
      made = this.#connect(name);
      this.#producers.set(name, made);
    }
    return made;
  }

  async #connect(name: string): Promise<TransactionalProducer> {
    const { groupId, transactionTimeout } = this.#options;
    if (this.#closed) throw new Error('the output is closed');
    const producer = new TransactionalProducer(this.#kafka, name, groupId, transactionTimeout);
    await producer.connect();
    return producer;
  }

  /**
   * Whether these ranges, of a batch of this time, were committed before: then its records are there, too.
   *
   * @throws {ProtocolError} when something in the middle of them was: another process has worked on them
   */
  async #wasWritten(ranges: readonly OffsetRange[], time: number): Promise<boolean> {
    const committed = await this.#committed(ranges);
    const of = ({ topic, partition }: OffsetRange) => committed.get(`${topic}/${partition}`);
    const moved = ranges.filter(({ from, until }) => until > from);
    for (const range of moved) {
      const offset = of(range)?.offset ?? -1;
      if (offset <= range.from || offset >= range.until) continue;
      const what = `offset ${offset} of ${range.topic}/${range.partition}`;
      const reason = `${what} is committed already, in the middle of [${range.from}, ${range.until})`;
      throw new ProtocolError('OffsetFetch', reason, true);
    }
    // Later ones may have been written too: of several open batches the first can be written long before it is saved.
    if (moved.length === 0) return ranges.some((range) => (of(range)?.time ?? -Infinity) >= time);
    const written = moved.filter((range) => (of(range)?.offset ?? -1) >= range.until);
    if (written.length === 0 || written.length === moved.length) return written.length > 0;
    throw new ProtocolError('OffsetFetch', 'some partitions of the batch are committed already, others not', true);
  }

  async #committed(ranges: readonly OffsetRange[]): Promise<ReadonlyMap<string, Committed>> {
    const { groupId } = this.#options;
    try {
      this.#adminConnected ??= this.#admin.connect();
      await this.#adminConnected;
      const topics = [...new Set(ranges.map(({ topic }) => topic))];
      const found = topics.length === 0 ? [] : await this.#admin.fetchOffsets({ groupId, topics });
      const entries = found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }): [string, Committed] => [
          `${topic}/${partition}`,
          { offset: Number(offset), time: timeIn(metadata) },
        ]),
      );
      return new Map(entries);
    } catch (error) {
      throw translateError(error, 'OffsetFetch', `group "${groupId}"`);
    }
  }

  #byTopic(records: readonly OutputMessage[]): ReadonlyMap<string, readonly Message[]> {
    const byTopic = new Map<string, Message[]>();
    for (const { topic = this.#options.topic, ...message } of records) {
      if (topic === undefined) throw new TypeError('sendToKafka: a record has no topic, and the operation none either');
      const messages = byTopic.get(topic);
      if (messages) messages.push(message);
      else byTopic.set(topic, [message]);
    }
    return byTopic;
  }

  /** Each partition by itself, as long as it is known which records came of which; else the whole batch as one. */
  #partsOf(batch: Batch<OutputMessage>): readonly Part[] {
    const { groupId } = this.#options;
    const ranges = Object.values(batch.context.inputs).flatMap((input) => input.ranges);
    const name = ({ topic, partition }: OffsetRange) => `${groupId}-${topic}-${partition}`;
    const records = new Map<string, readonly OutputMessage[]>();
    for (const partition of batch.partitions) {
      if (partition.range) records.set(name(partition.range), partition.records);
      else if (partition.records.length > 0) return [{ name: groupId, ranges, records: batch.records }];
    }
    const parts = ranges.map((range) => ({
      name: name(range),
      ranges: [range],
      records: records.get(name(range)) ?? [],
    }));
    return parts.filter((part) => part.records.length > 0 || part.ranges.some(({ from, until }) => until > from));
  }
}
