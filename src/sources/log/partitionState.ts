import { MeanRecordSize } from '../../backpressure/meanRecordSize.js';
import type { LogPosition, TopicPartition } from './logClient.js';
import type { RecordReader } from './recordReader.js';

/**
 * What the source knows of one partition.
 *
 *     delivered ......... fetchFrom ............ planned ............ latest
 *               readers              to fetch             lag
 */
export class PartitionState implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** The offset after everything planned: where the next range starts. */
  planned: number;
  /** The offset after everything received: where the next fetch starts. */
  fetchFrom: number;
  /** The end of the log, as last heard. */
  latest: number;
  /** What was received and not yet decoded, oldest first. */
  readonly readers: RecordReader[] = [];
  readonly size = new MeanRecordSize();
  inFlight = false;

  constructor({ topic, partition, offset }: LogPosition) {
    this.topic = topic;
    this.partition = partition;
    this.key = partitionKey({ topic, partition });
    this.planned = offset;
    this.fetchFrom = offset;
    this.latest = offset;
  }

  get lag(): number {
    return Math.max(this.latest - this.planned, 0);
  }

  /** Bytes received and not yet decoded. */
  get buffered(): number {
    let bytes = 0;
    for (const reader of this.readers) bytes += reader.bytesLeft;
    return bytes;
  }

  /** The offset of the next record to be decoded. */
  get position(): number {
    return this.readers[0]?.position ?? this.fetchFrom;
  }

  /** Bytes received beyond what is planned, because a record batch is the smallest unit that a log gives. */
  get overshoot(): number {
    return Math.max(this.fetchFrom - this.planned, 0) * this.size.mean;
  }

  /** Whether everything below `until` has been read, or passed over. */
  hasReached(until: number): boolean {
    return this.position >= until;
  }
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
