import type { ProducerMessage } from '../../../outputs/kafka/producerPort.js';
import { duplicateSequence, isRetriable, mayHaveWritten } from '../protocol/errorCodes.js';
import { groupByTopic } from '../protocol/groupByTopic.js';
import { encodeProduce, type ProducedPartition, readProduceResponse } from '../protocol/produceProtocol.js';
import { type HeaderToWrite, RecordBatchWriter, type RecordBatchWriterOptions } from '../protocol/recordBatchWriter.js';
import type { Broker, ProduceRequest } from './kafkajsCluster.js';
import type { PartitionMessages } from './partitionMessages.js';
import { refusal } from './refusal.js';
import { sendOverBroker } from './sendOverBroker.js';

const produce = { apiKey: 0, apiVersion: 7, apiName: 'Produce' } as const;
const defaultTimeoutMs = 30_000;
/** Sequence numbers are 32-bit integers from 0; the greatest is followed by 0. */
const sequenceNumbers = 2 ** 31;

interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly messages: PartitionMessages;
}

/**
 * Has the brokers of one of kafkajs's producers write record batches of our own: kafkajs makes several objects and copies for each record. It
 * still finds the leaders, adds the partitions to the transaction, and repeats requests.
 *
 * The messages of a partition keep their sequence number until it is known what became of them, so a broker that has them already does
 * not write them again, and never takes other messages for them. kafkajs reuses the number after any error.
 */
export class RecordBatchProduce {
  readonly #writer: RecordBatchWriter;
  /** Id and epoch of the producer that the sequence numbers belong to. */
  #producer = '';
  /** The next sequence number by topic and partition. */
  readonly #sequences = new Map<string, Map<number, number>>();
  #isUsed = false;

  constructor(options: RecordBatchWriterOptions) {
    this.#writer = new RecordBatchWriter(options);
  }

  /** Whether it has a broker to write to: kafkajs connects to one before it writes. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  adapt(broker: Broker): void {
    this.#isUsed = true;
    broker.produce = (request) => this.#produce(broker, request);
  }

  async #produce(broker: Broker, request: ProduceRequest): Promise<{ readonly topics: readonly [] }> {
    const { transactionalId, producerId, producerEpoch, timeout = defaultTimeoutMs, topicData } = request;
    const producer = `${producerId} ${producerEpoch}`;
    if (this.#producer !== producer) this.#sequences.clear();
    this.#producer = producer;
    const parts = topicData
      .flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, messages: [messages] }): Part => ({ topic, partition, messages })),
      )
      .filter(({ messages }) => !messages.isWritten);
    const batches = await Promise.all(
      parts.map(async (part) => ({ ...part, batch: await this.#batchOf(part, request) })),
    );
    const topics = groupByTopic(batches, ({ partition, batch }) => ({ partition, batch }));
    const bytes = encodeProduce({ transactionalId, timeoutMs: timeout, topics });
    const { partitions } = await sendOverBroker(broker, { ...produce, bytes }, readProduceResponse);
    this.#note(parts, partitions);
    // Who has sent the messages sees by themselves whether they are written.
    return { topics: [] };
  }

  #batchOf(part: Part, { producerId, producerEpoch, transactionalId }: ProduceRequest): Buffer | Promise<Buffer> {
    const { messages } = part.messages;
    const now = Date.now();
    for (const message of messages) {
      const { key = null, value, headers, timestamp } = message;
      this.#writer.add({
        key,
        value,
        headers: headers === undefined ? noHeaders : listOf(headers),
        timestamp: timestamp === undefined ? now : Number(timestamp),
      });
    }
    return this.#writer.finish({
      producerId: BigInt(producerId),
      producerEpoch,
      baseSequence: this.#sequenceOf(part),
      isTransactional: transactionalId !== undefined,
    });
  }

  #sequenceOf({ topic, partition, messages }: Part): number {
    if (messages.baseSequence !== undefined) return messages.baseSequence;
    const sequences = this.#sequences.get(topic) ?? new Map<number, number>();
    this.#sequences.set(topic, sequences);
    const first = sequences.get(partition) ?? 0;
    messages.baseSequence = first;
    sequences.set(partition, (first + messages.messages.length) % sequenceNumbers);
    return first;
  }

  #note(parts: readonly Part[], answers: readonly ProducedPartition[]): void {
    const codes: number[] = [];
    for (const { topic, partition, messages } of parts) {
      const answer = answers.find((one) => one.topic === topic && one.partition === partition);
      if (!answer) continue;
      const { errorCode, baseOffset } = answer;
      if (errorCode === 0) messages.end = baseOffset + messages.messages.length;
      if (errorCode === 0 || errorCode === duplicateSequence) messages.isWritten = true;
      else codes.push(errorCode);
      if (messages.isWritten || mayHaveWritten(errorCode) || messages.baseSequence === undefined) continue;
      // The broker does not have them: whatever comes next has their number.
      this.#sequences.get(topic)?.set(partition, messages.baseSequence);
      messages.baseSequence = undefined;
    }
    const code = codes.find((one) => !isRetriable(one)) ?? codes[0];
    if (code !== undefined) throw refusal(produce.apiName, code);
  }
}

const noHeaders: readonly HeaderToWrite[] = [];

/** A list of values is a header that repeats; one without a value is left out. */
function listOf(headers: NonNullable<ProducerMessage['headers']>): readonly HeaderToWrite[] {
  const list: HeaderToWrite[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (Array.isArray(value)) for (const one of value) list.push([name, one]);
    else if (value !== undefined) list.push([name, value]);
  }
  return list;
}
