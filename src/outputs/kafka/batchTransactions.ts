import type { Kafka, Message } from 'kafkajs';
import type { Batch } from '../../batch/batch.js';
import { ProtocolError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { concatAll } from '../../collections/concatAll.js';
import { StableOffsets } from './stableOffsets.js';
import { TransactionalProducer } from './transactionalProducer.js';

/** A record to be written. */
export interface OutputMessage extends Message {
  /** Where it goes, when not to the topic of the operation. */
  readonly topic?: string;
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

/** By group, the subscriptions of this process that have ended and are not closed yet. */
const closing = new Map<string, Promise<unknown>>();

/** The transactions of one subscription: producers are made when they are needed, and live until `close`. */
export class BatchTransactions {
  readonly #kafka: Kafka;
  readonly #options: BatchTransactionsOptions;
  readonly #offsets: StableOffsets;
  readonly #producers = new Map<string, Promise<TransactionalProducer>>();
  /** Those that have gone beyond what an earlier life has written. */
  readonly #isNew = new Set<string>();
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(kafka: Kafka, options: BatchTransactionsOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#offsets = new StableOffsets(kafka, options.groupId, options.transactionTimeout);
  }

  /** Writes what of the batch has not been written in an earlier life. Called again when it has settled. */
  async write(batch: Batch<OutputMessage>): Promise<void> {
    const { time } = batch.context;
    const writes = this.#partsOf(batch).map((part) => this.#writePart(part, time));
    this.#writing = Promise.allSettled(writes);
    await Promise.all(writes);
  }

  /**
   * What is being written is finished, and not cut off: a subscription that follows begins after it, lest the two fence each
   * other.
   */
  close(): void {
    this.#closed = true;
    const { groupId } = this.#options;
    const closed = Promise.all([closing.get(groupId), this.#close()]).then(() => {
      if (closing.get(groupId) === closed) closing.delete(groupId);
    });
    closing.set(groupId, closed);
  }

  async #close(): Promise<void> {
    await this.#writing;
    const producers = await Promise.allSettled(this.#producers.values());
    await Promise.all(producers.map(async (one) => one.status === 'fulfilled' && one.value.close()));
    await this.#offsets.close();
  }

  async #writePart({ name, ranges, records }: Part, time: number): Promise<void> {
    const producer = await this.#producer(name);
    // Asked after the former owner was fenced, and until something is new: from then on nobody else commits.
    if (!this.#isNew.has(name) && (await this.#wasWritten(ranges, time))) return;
    this.#isNew.add(name);
    await producer.write({ messages: this.#byTopic(records), ranges, time });
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
    await closing.get(groupId);
    const producer = new TransactionalProducer(this.#kafka, name, groupId, transactionTimeout);
    // Left while it waited: the id belongs to those that follow.
    if (this.#closed) throw new Error('the output is closed');
    await producer.connect();
    return producer;
  }

  /**
   * Whether these ranges, of a batch of this time, were committed before: then its records are there, too.
   *
   * @throws {ProtocolError} when something in the middle of them was: another process has worked on them
   */
  async #wasWritten(ranges: readonly OffsetRange[], time: number): Promise<boolean> {
    const committed = await this.#offsets.of(ranges);
    const of = (range: OffsetRange) => committed.get(partitionKey(range));
    const moved = ranges.filter(isMoved);
    for (const range of moved) {
      const offset = of(range)?.offset ?? -1;
      if (offset <= range.from || offset >= range.until) continue;
      const what = `offset ${offset} of ${partitionKey(range)}`;
      const reason = `${what} is committed already, in the middle of [${range.from}, ${range.until})`;
      throw new ProtocolError('OffsetFetch', reason, true);
    }
    // Later ones may have been written too: of several open batches the first can be written long before it is saved.
    if (moved.length === 0) return ranges.some((range) => (of(range)?.time ?? -Infinity) >= time);
    const written = moved.filter((range) => (of(range)?.offset ?? -1) >= range.until);
    if (written.length === 0 || written.length === moved.length) return written.length > 0;
    throw new ProtocolError('OffsetFetch', 'some partitions of the batch are committed already, others not', true);
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

  /**
   * Each partition by itself, where it is known which records came of which; else the whole batch as one. Which of the two is
   * no matter of the records: a batch without any takes the same transactional ids as those before it.
   */
  #partsOf(batch: Batch<OutputMessage>): readonly Part[] {
    const { groupId } = this.#options;
    const ranges = Object.values(batch.context.inputs).flatMap((input) => input.ranges);
    const isMixed = batch.partitions.some(({ range }) => !range);
    if (ranges.length === 0 && batch.size > 0) {
      throw new TypeError('sendToKafka: a batch has no offset ranges, by which it would be known when it comes again');
    }
    const byRange = recordsByRange(batch);
    const parts = isMixed
      ? [{ name: groupId, ranges, records: batch.records }]
      : ranges.map((range) => ({
          name: `${groupId}-${range.topic}-${range.partition}`,
          ranges: [range],
          records: byRange.get(partitionKey(range)) ?? [],
        }));
    return parts.filter((part) => part.records.length > 0 || part.ranges.some(isMoved));
  }
}

/** By the range they were made of: several partitions where streams of one source are united. */
function recordsByRange<T>({ partitions }: Batch<T>): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, readonly T[]>();
  for (const { range, records } of partitions) {
    if (!range) continue;
    const before = found.get(partitionKey(range));
    found.set(partitionKey(range), before ? concatAll([before, records]) : records);
  }
  return found;
}

function isMoved({ from, until }: OffsetRange): boolean {
  return until > from;
}
