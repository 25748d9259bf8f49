import type { ProducerMessage } from '../../../outputs/kafka/producerPort.js';

/**
 * The messages of one request for one partition. kafkajs takes them for a single message: it finds the leader by `partition`, and wants a
 * `value`. `RecordBatchProduce` writes what is in them.
 */
export class PartitionMessages {
  readonly partition: number;
  readonly value = null;
  readonly messages: ProducerMessage[] = [];
  /** The sequence number of the first message, once they have been sent: a repeated request has the same, so that the broker takes it once. */
  baseSequence: number | undefined;
  /** Whether a broker has answered that it has them. */
  isWritten = false;
  /** The offset after the last of them, where the broker has said it. */
  end: number | undefined;

  constructor(partition: number) {
    this.partition = partition;
  }
}
