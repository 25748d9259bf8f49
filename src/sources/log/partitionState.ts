import { MeanRecordSize } from '../../backpressure/meanRecordSize.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { LogOffset } from './logClient.js';
import type { RecordReader } from './recordReader.js';

/**
 * The state of one partition in a source.
 *
 *     position ......... fetchFrom ............ planned ......... target ......... latest
 *               readers             to fetch               ahead
 *                                                       ............. lag ............
 */
export class PartitionState implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** The offset where this run begins. */
  readonly start: number;
  /** The offset after everything planned: where the next range starts. */
  planned: number;
  /** The offset after everything received: where the next fetch starts. */
  fetchFrom: number;
  /** Records after what is planned that may be fetched too, as the next plan will have them. */
  ahead = 0;
  /** The end of the log, as last heard. */
  latest: number;
  /** The end of everything written, as last heard: beyond `latest` while transactions are open and only committed records are read. */
  highWatermark: number;
  /** Received and not yet decoded, oldest first. */
  readonly readers: RecordReader[] = [];
  readonly size = new MeanRecordSize();
  /** Timestamp of the newest record read, where `rateSharing` is `'oldest'`. */
  time: number | undefined;
  /** The largest timestamp of what batches have read, in ms since the epoch. */
  newestTimestamp: number | undefined;
  inFlight = false;
  /** Its first records are fetched, whatever is planned, to learn their size. */
  sampling = false;
  /** The last fetch returned nothing: it is not asked again for a moment. */
  paused = false;
  /** Ranges that were planned and have not been read to their end. */
  readonly #pending = new Set<string>();
  #overshoots: readonly Overshoot[] = [];

  constructor({ topic, partition, offset }: TopicPartitionOffset) {
    this.topic = topic;
    this.partition = partition;
    this.key = partitionKey({ topic, partition });
    this.start = offset;
    this.planned = offset;
    this.fetchFrom = offset;
    this.latest = offset;
    this.highWatermark = offset;
  }

  /** The end of the log that was heard now. */
  heard({ offset, highWatermark = offset }: LogOffset): void {
    this.latest = offset;
    this.highWatermark = highWatermark;
  }

  /** Whether records are left after this offset, by what was heard last. */
  endAt(until: number): 'open' | 'caughtUp' {
    return until < Math.max(this.latest, this.highWatermark) ? 'open' : 'caughtUp';
  }

  get lag(): number {
    return Math.max(this.latest - this.planned, 0);
  }

  /** Where fetching stops. Beyond the end of a log the answer would take long. */
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

  /** Adds what a fetch from `offset` returned. */
  receive(records: RecordReader, offset: number, bytes: number): void {
    const { end } = records;
    const { target } = this;
    const from = Math.max(target, offset);
    if (end > from) {
      const overshoot = { target, from, end, size: bytes / (end - offset), sampled: this.sampling };
      this.#overshoots = [...this.#overshoots, overshoot];
    }
    this.size.observe(end - offset, bytes);
    this.readers.push(records);
    this.fetchFrom = end;
  }

  /** What was fetched beyond a plan up to `until`, since the last call. */
  takeOvershoot(until: number): { readonly records: number; readonly bytes: number } {
    const taken = this.#overshoots.filter(({ target }) => target <= until);
    this.#overshoots = this.#overshoots.filter(({ target }) => target > until);
    return {
      records: taken.reduce((sum, { from, end }) => sum + end - from, 0),
      bytes: Math.round(taken.reduce((sum, { from, end, size }) => sum + (end - from) * size, 0)),
    };
  }

  /** Discards what was received and not yet decoded. It has to be fetched again. */
  drop(): void {
    this.fetchFrom = this.position;
    this.readers.length = 0;
  }

  /** A range is fixed. One that begins beyond what is planned belongs to a log that was recreated since: it is given up. */
  plan({ from, until }: OffsetRange): void {
    if (from > this.planned || until <= this.planned) return;
    this.#overshoots = this.#overshoots.flatMap((one) => afterPlan(one, this.planned, until));
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

  /** The log has no record before this offset any more. */
  skipTo(offset: number): void {
    this.fetchFrom = offset;
    this.planned = Math.max(this.planned, offset);
  }

  /** The log was recreated or truncated: whatever was planned is given up, and reading continues here. */
  moveTo(offset: number): void {
    this.planned = offset;
    this.ahead = 0;
    this.fetchFrom = offset;
    this.time = undefined;
    this.readers.length = 0;
    this.#overshoots = [];
    this.#pending.clear();
  }

  /** Whether everything below `until` has been read, or passed over. */
  hasReached(until: number): boolean {
    return this.position >= until;
  }
}

/** What one fetch returned beyond what was asked for, because a record batch is the smallest unit that a log returns. */
interface Overshoot {
  /** The target when it arrived. */
  readonly target: number;
  /** The offsets beyond the target. */
  readonly from: number;
  readonly end: number;
  /** Mean bytes of an offset in that fetch. */
  readonly size: number;
  readonly sampled: boolean;
}

/** A sample overshoots a plan only as far as it reaches beyond it. */
function afterPlan(overshoot: Overshoot, from: number, until: number): readonly Overshoot[] {
  if (!overshoot.sampled || overshoot.target !== from) return [overshoot];
  return overshoot.end > until ? [{ ...overshoot, target: until, from: Math.max(overshoot.from, until) }] : [];
}
