import { MeanRecordSize } from '../../backpressure/meanRecordSize.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
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
  /** Nothing came of it when it was asked last: it is left alone for a moment. */
  paused = false;
  /** Ranges that were planned and have not been read to their end. */
  readonly #pending = new Set<string>();

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

  /** A range is fixed. One that begins beyond what is planned is of a log that was made anew since: it is given up. */
  plan({ from, until }: OffsetRange): void {
    if (from > this.planned || until <= this.planned) return;
    this.planned = until;
    this.#pending.add(`${from}-${until}`);
  }

  /** Whether records of a range are still to come. */
  awaits({ from, until }: OffsetRange): boolean {
    return !this.hasReached(until) && this.#pending.has(`${from}-${until}`);
  }

  /** A range has been read as far as it will be. */
  settle({ from, until }: OffsetRange): void {
    this.#pending.delete(`${from}-${until}`);
  }

  /** What is before an offset is not in the log any more. */
  skipTo(offset: number): void {
    this.fetchFrom = offset;
    this.planned = Math.max(this.planned, offset);
  }

  /** The log was made anew, or cut: whatever was planned of it is given up, and reading goes on here. */
  moveTo(offset: number): void {
    this.planned = offset;
    this.fetchFrom = offset;
    this.readers.length = 0;
    this.#pending.clear();
  }

  /** Whether everything below `until` has been read, or passed over. */
  hasReached(until: number): boolean {
    return this.position >= until;
  }
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
