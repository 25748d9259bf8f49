import { MeanRecordSize } from '../../backpressure/meanRecordSize.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { RecordReader } from './recordReader.js';

/**
 * What the source knows of one partition.
 *
 *     delivered ......... fetchFrom ............ planned ......... target ......... latest
 *               readers              to fetch               ahead
 *                                                        ............ lag ...........
 */
export class PartitionState implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** The offset after everything planned: where the next range starts. */
  planned: number;
  /** The offset after everything received: where the next fetch starts. */
  fetchFrom: number;
  /** Records after what is planned that may be fetched too, as the next plan will have them. */
  ahead = 0;
  /** The end of the log, as last heard. */
  latest: number;
  /** What was received and not yet decoded, oldest first. */
  readonly readers: RecordReader[] = [];
  readonly size = new MeanRecordSize();
  /** Timestamp of the newest record read, where it is needed to share the oldest first. */
  time: number | undefined;
  inFlight = false;
  /** Its first records are asked for, whatever is planned, to learn how large they are. */
  sampling = false;
  /** Nothing came of it when it was asked last: it is left alone for a moment. */
  paused = false;
  /** Ranges that were planned and have not been read to their end. */
  readonly #pending = new Set<string>();
  #surplus: readonly Surplus[] = [];

  constructor({ topic, partition, offset }: TopicPartitionOffset) {
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

  /** Up to here it is asked for. Beyond the end of a log an answer would be long in coming. */
  get target(): number {
    return Math.max(this.planned, Math.min(this.planned + this.ahead, this.latest));
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

  /** Takes in what a fetch from `offset` brought. */
  receive(records: RecordReader, offset: number, bytes: number): void {
    const { end } = records;
    const { target } = this;
    const from = Math.max(target, offset);
    if (end > from) {
      const surplus = { target, from, end, size: bytes / (end - offset), sampled: this.sampling };
      this.#surplus = [...this.#surplus, surplus];
    }
    this.size.observe(end - offset, bytes);
    this.readers.push(records);
    this.fetchFrom = end;
  }

  /** What came in beyond a plan up to `until`, since the last call. */
  takeSurplus(until: number): { readonly records: number; readonly bytes: number } {
    const taken = this.#surplus.filter(({ target }) => target <= until);
    this.#surplus = this.#surplus.filter(({ target }) => target > until);
    return {
      records: taken.reduce((sum, { from, end }) => sum + end - from, 0),
      bytes: Math.round(taken.reduce((sum, { from, end, size }) => sum + (end - from) * size, 0)),
    };
  }

  /** Lets go of what was received and not yet decoded. It has to be fetched again. */
  drop(): void {
    this.fetchFrom = this.position;
    this.readers.length = 0;
  }

  /** A range is fixed. One that begins beyond what is planned is of a log that was made anew since: it is given up. */
  plan({ from, until }: OffsetRange): void {
    if (from > this.planned || until <= this.planned) return;
    this.#surplus = this.#surplus.flatMap((one) => afterPlan(one, this.planned, until));
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
    this.ahead = 0;
    this.fetchFrom = offset;
    this.time = undefined;
    this.readers.length = 0;
    this.#surplus = [];
    this.#pending.clear();
  }

  /** Whether everything below `until` has been read, or passed over. */
  hasReached(until: number): boolean {
    return this.position >= until;
  }
}

/** What one fetch brought beyond what was asked for, because a record batch is the smallest unit that a log gives. */
interface Surplus {
  /** What was asked for when it came. */
  readonly target: number;
  /** The offsets beyond it. */
  readonly from: number;
  readonly end: number;
  /** Mean bytes of an offset in what that fetch brought. */
  readonly size: number;
  readonly sampled: boolean;
}

/** What was sampled for a plan is no surplus as far as the plan goes. */
function afterPlan(surplus: Surplus, from: number, until: number): readonly Surplus[] {
  if (!surplus.sampled || surplus.target !== from) return [surplus];
  return surplus.end > until ? [{ ...surplus, target: until, from: Math.max(surplus.from, until) }] : [];
}
