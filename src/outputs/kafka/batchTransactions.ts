import type { Batch } from '../../batch/batch.js';
import { ProtocolError } from '../../batch/errors.js';
import type { EffectRunner } from '../../batch/monitoring/effectRunner.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { concatAll } from '../../collections/concatAll.js';
import { batchTimeOf } from './batchMetadata.js';
import type { ProducerMessage, TransactionsPort } from './producerPort.js';
import { TransactionalProducer } from './transactionalProducer.js';

/** A record to write with `sendToKafka`. */
export interface OutputMessage extends ProducerMessage {
  /** Topic to write to, instead of the one in the options. */
  readonly topic?: string;
}

/** What one transaction writes: input ranges and the records made from them. `name` is the transactional id. */
interface Part {
  readonly name: string;
  readonly ranges: readonly OffsetRange[];
  readonly records: readonly OutputMessage[];
}

export interface BatchTransactionsOptions {
  readonly topic: string | undefined;
  readonly groupId: string;
}

/** By group, the subscriptions of this process that have ended and are still closing. */
const closing = new Map<string, Promise<unknown>>();

/** The transactions of one subscription. Producers are created on demand and live until `close`. */
export class BatchTransactions {
  readonly #port: TransactionsPort;
  readonly #options: BatchTransactionsOptions;
  readonly #producers = new Map<string, Promise<TransactionalProducer>>();
  /** The transactional ids that have gone beyond what an earlier run has written. */
  readonly #caughtUp = new Set<string>();
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(port: TransactionsPort, options: BatchTransactionsOptions) {
    this.#port = port;
    this.#options = options;
  }

  /** Writes what an earlier run has not written of the batch. To be called again only after it has settled. */
  async write(batch: Batch<OutputMessage>): Promise<void> {
    const { time, effects } = batch.context;
    const writes = this.#partsOf(batch).map((part) => this.#writePart(part, time, effects));
    this.#writing = Promise.allSettled(writes);
    await Promise.all(writes);
  }

  /**
   * Finishes what is being written. A subscription that follows begins after that, so that the two do not fence each other.
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
    await this.#port.close();
  }

  async #writePart({ name, ranges, records }: Part, time: number, effects: EffectRunner | undefined): Promise<void> {
    const producer = await this.#producer(name);
    // Checked after the former owner was fenced, and until the first part that is new: from then on nobody else commits.
    if (!this.#caughtUp.has(name) && (await this.#wasWritten(ranges, time))) return;
    this.#caughtUp.add(name);
    const messages = this.#byTopic(records);
    const sending = [...messages].map(([topic, { length }]) => {
      return effects?.sending({ operator: 'sendToKafka', system: 'kafka', topic, records: length });
    });
    try {
      await producer.write({ messages, ranges, time });
    } catch (error) {
      for (const sent of sending) sent?.({ error });
      throw error;
    }
    for (const sent of sending) sent?.();
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
    const { groupId } = this.#options;
    await closing.get(groupId);
    const producer = new TransactionalProducer(this.#port.producer(name), groupId);
    // Closed while it waited: the id belongs to the next subscription.
    if (this.#closed) throw new Error('the output is closed');
    await producer.connect();
    return producer;
  }

  /**
   * Whether these ranges of the batch at `time` were committed before: then its records have been written too.
   *
   * @throws {ProtocolError} when an offset in the middle of them was committed: another process has written some of them
   */
  async #wasWritten(ranges: readonly OffsetRange[], time: number): Promise<boolean> {
    const offsets = await this.#port.stableOffsets(this.#options.groupId, ranges);
    const committed = new Map(offsets.map((one) => [partitionKey(one), one]));
    const timeOf = (range: OffsetRange) => batchTimeOf(of(range)?.metadata ?? '');
    const of = (range: OffsetRange) => committed.get(partitionKey(range));
    const moved = ranges.filter(isMoved);
    for (const range of moved) {
      const offset = of(range)?.offset ?? -1;
      if (offset <= range.from || offset >= range.until) continue;
      const what = `offset ${offset} of ${partitionKey(range)}`;
      const reason = `${what} is committed already, in the middle of [${range.from}, ${range.until})`;
      throw new ProtocolError('OffsetFetch', reason, true);
    }
    // Later batches may have been written too: with several open batches, a write can precede its save by far.
    if (moved.length === 0) return ranges.some((range) => timeOf(range) >= time);
    const written = moved.filter((range) => (of(range)?.offset ?? -1) >= range.until);
    if (written.length === 0 || written.length === moved.length) return written.length > 0;
    throw new ProtocolError('OffsetFetch', 'some partitions of the batch are committed already, others not', true);
  }

  #byTopic(records: readonly OutputMessage[]): ReadonlyMap<string, readonly ProducerMessage[]> {
    const byTopic = new Map<string, ProducerMessage[]>();
    for (const { topic = this.#options.topic, ...message } of records) {
      if (topic === undefined) throw new TypeError('sendToKafka: a record has no topic, and the options name none');
      const messages = byTopic.get(topic);
      if (messages) messages.push(message);
      else byTopic.set(topic, [message]);
    }
    return byTopic;
  }

  /**
   * One part per input partition, where it is known which records came from which; else one part for the whole batch. This does not
   * depend on the records: a batch without any uses the same transactional ids as the batches before it.
   */
  #partsOf(batch: Batch<OutputMessage>): readonly Part[] {
    const { groupId } = this.#options;
    const ranges = Object.values(batch.context.inputs).flatMap((input) => input.ranges);
    const isMixed = batch.partitions.some(({ range }) => !range);
    if (ranges.length === 0 && batch.size > 0) {
      throw new TypeError(
        'sendToKafka: a batch with records has no offset ranges, so a replay could not be recognized',
      );
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

/** Records by the input partition they were made from. Several partitions have one where streams of one source are united. */
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
