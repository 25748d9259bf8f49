import { MeanRecordSize } from '../../backpressure/meanRecordSize.js';
import { RecordDensity } from '../../backpressure/recordDensity.js';
import type { DStreamError } from '../../batch/errors.js';
import { identityOf, type LogIdentity } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { FetchDoubts } from './fetchDoubts.js';
import { LeaderEpochs } from './leaderEpochs.js';
import { isOtherTopic, type LogBreak, passBreak } from './logBreak.js';
import type { FetchedPartition, LogOffset } from './logClient.js';
import { Overshoots } from './overshoots.js';
import { type LogRange, PendingRanges } from './pendingRanges.js';
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
  /** The offset after the range that was read last: where the next batch goes on, if that range was cut short. */
  reached: number;
  /** The offset after everything received: where the next fetch starts. */
  fetchFrom: number;
  /** Records after what is planned that may be fetched too, as the next plan will have them. */
  ahead = 0;
  /** The end of the log, as last heard. */
  latest: number;
  /** The end of everything written, as last heard: beyond `latest` while transactions are open and only committed records are read. */
  highWatermark: number;
  /** Where bounded reading ends. */
  bound = Infinity;
  /** The bound, if it was the latest offset when the stream began. */
  endsAt: number | undefined;
  /** Received and not yet decoded, oldest first. */
  readonly readers: RecordReader[] = [];
  /** Bytes received for an offset. */
  readonly size = new MeanRecordSize();
  /** Bytes of a record after decompression. */
  readonly unpacked = new MeanRecordSize();
  readonly density = new RecordDensity();
  /** Timestamp of the newest record read, where `rateSharing` is `'aligned'`. */
  time: number | undefined;
  /** The largest timestamp of what batches have read, in ms since the epoch. */
  newestTimestamp: number | undefined;
  inFlight = false;
  /** Its first records are fetched, whatever is planned, to learn their size. */
  sampling = false;
  /** It cannot be read now: nothing is planned, and only what a batch waits for is asked for. */
  away = false;
  /** Why and since when batches do without it: it was asked for records and has not answered. */
  stalled: { readonly error: DStreamError; readonly since: number } | undefined;
  /** The last fetch returned nothing: it is not asked again for a moment. */
  paused = false;
  /** The next range does not begin where the one before it ended. */
  jumps = false;
  readonly doubts = new FetchDoubts();
  readonly overshoots = new Overshoots();
  /** What this run passes over, until the range after it is read. */
  #passed: OffsetRange | undefined;
  /** Only what is planned is read: the source does not read this partition any more. */
  leaving = false;
  /** The id of the topic. */
  topicId: string | undefined;
  /** The leader's epoch, as last heard. */
  leaderEpoch: number | undefined;
  /** The epoch at which everything planned was in the log: where the leader has another, it has to be compared again. */
  #plannedEpoch: number | undefined;
  #isHeard = false;
  readonly #epochs = new LeaderEpochs();
  readonly #ranges = new PendingRanges();

  constructor({ topic, partition, offset, topicId, leaderEpoch }: TopicPartitionOffset) {
    this.topic = topic;
    this.partition = partition;
    this.key = partitionKey({ topic, partition });
    this.start = offset;
    this.planned = offset;
    this.reached = offset;
    this.fetchFrom = offset;
    this.latest = offset;
    this.highWatermark = offset;
    this.topicId = topicId;
    this.#plannedEpoch = leaderEpoch;
    if (leaderEpoch !== undefined) this.#epochs.add([{ leaderEpoch, offset: offset - 1 }]);
  }

  /** The end of the log that was heard now. */
  heard({ offset, highWatermark = offset, topicId, leaderEpoch }: LogOffset): void {
    if (!this.#isHeard || this.doubts.believesEnd(highWatermark, this.#knownEnd)) {
      this.latest = offset;
      this.highWatermark = highWatermark;
    }
    this.#isHeard = true;
    this.topicId ??= topicId;
    this.#heardEpoch(leaderEpoch);
  }

  /** The end of the log that a fetch has brought: never less than what was heard, for answers overtake each other. */
  fetched({ latest, highWatermark = latest }: Pick<FetchedPartition, 'latest' | 'highWatermark'>): void {
    if (!this.doubts.believesEnd(Math.max(latest, highWatermark), this.#knownEnd)) return;
    this.latest = Math.max(this.latest, latest);
    this.highWatermark = highWatermark;
  }

  get #knownEnd(): number {
    return Math.max(this.latest, this.highWatermark);
  }

  /** To be saved with positions and ranges. */
  get decidedEnd(): Pick<TopicPartitionOffset, 'endsAt'> {
    return this.endsAt === undefined ? {} : { endsAt: this.endsAt };
  }

  /** What identifies the log in which a range is planned now. */
  get identity(): LogIdentity {
    return identityOf(this);
  }

  /** Where the next fetch starts, and what the log must be that it reads. */
  get fetchPosition(): TopicPartitionOffset {
    return this.#positionAt(this.fetchFrom);
  }

  /** Positions that must be compared with the log, as a leader of this epoch has not been compared yet. */
  unchecked(leaderEpoch: number | undefined): readonly TopicPartitionOffset[] {
    if (leaderEpoch === undefined || leaderEpoch === this.#plannedEpoch) return [];
    const { topic, partition, planned, fetchFrom, topicId } = this;
    const epoch = this.#plannedEpoch;
    return [
      ...(epoch === undefined
        ? []
        : [{ topic, partition, offset: planned, ...identityOf({ topicId, leaderEpoch: epoch }) }]),
      ...(fetchFrom > planned ? [this.fetchPosition] : []),
    ];
  }

  /** Everything planned is in the log of a leader of this epoch. */
  checked(leaderEpoch: number | undefined): void {
    this.#plannedEpoch = leaderEpoch ?? this.#plannedEpoch;
  }

  /** Whether records are left after this offset, by what was heard last; or none is to be read. */
  endAt(until: number): 'open' | 'caughtUp' | 'ended' {
    if (until >= this.bound) return 'ended';
    return until < this.#knownEnd ? 'open' : 'caughtUp';
  }

  /** Offsets that are not planned yet. */
  get lag(): number {
    return Math.max(Math.min(this.latest, this.bound) - this.planned, 0);
  }

  /** About how many records are not planned yet. */
  get waiting(): number {
    return this.density.recordsIn(this.lag);
  }

  /** Mean bytes of a record, as a batch holds it: unpacked, as far as that is known. */
  get recordBytes(): number {
    const received = this.size.mean / this.density.perOffset;
    return this.unpacked.known ? Math.max(this.unpacked.mean, received) : received;
  }

  /** Where fetching stops. Beyond the end of a log the answer would take long. */
  get target(): number {
    return Math.max(this.planned, Math.min(this.planned + this.ahead, this.latest, this.bound));
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

  /** The first offset at which what a fetch brought shows another log than was planned or read; `undefined` where it fits. */
  divergence({ leaderEpochs = [] }: RecordReader, offset: number): number | undefined {
    const [first] = leaderEpochs;
    const before = this.#epochs.before(offset);
    if (first && before !== undefined && first.leaderEpoch < before) return offset;
    for (const start of leaderEpochs) {
      const at = Math.max(start.offset, offset);
      if (start.leaderEpoch > (this.#ranges.maxEpochAt(at) ?? Infinity)) return at;
    }
    return undefined;
  }

  /** Adds what a fetch from `offset` returned; `polled` says that all of it was asked for, planned or not. */
  receive(records: RecordReader, offset: number, bytes: number, polled = false): void {
    this.#epochs.add(records.leaderEpochs ?? []);
    this.#heardEpoch(records.leaderEpochs?.at(-1)?.leaderEpoch);
    const { end } = records;
    const { target } = this;
    const from = Math.max(target, offset);
    if (end > from && !polled) {
      this.overshoots.add({ target, from, end, size: bytes / (end - offset), sampled: this.sampling });
    }
    this.size.observe(end - offset, bytes);
    if (records.recordCount !== undefined) this.density.observe(records.recordCount, end - offset);
    this.readers.push(records);
    this.fetchFrom = end;
  }

  /** Discards what was received and not yet decoded. It has to be fetched again. */
  drop(): void {
    this.fetchFrom = this.position;
    this.readers.length = 0;
  }

  /**
   * A range is fixed. One that begins beyond what is planned, or has another topic, belongs to a log that is gone: it is given up. `begin`
   * is where it begins if ranges before it were cut short.
   */
  plan(range: OffsetRange, begin = range.from): void {
    const { until, topicId, leaderEpoch } = range;
    if (begin > this.planned || until < this.planned || isOtherTopic(topicId, this.topicId)) {
      this.#ranges.addGone(range, this.planned);
      return;
    }
    this.#ranges.add(range);
    this.#plannedEpoch = leaderEpoch ?? this.#plannedEpoch;
    // An empty range may begin beyond what is planned, if the one before it was cut short since.
    if (until === this.planned || until === range.from) return;
    this.jumps = false;
    this.overshoots.planned(this.planned, until);
    this.planned = until;
  }

  /** The offset up to which a planned range is read: less than its end where the log has changed since. */
  endOf(range: OffsetRange): number {
    return this.#ranges.endOf(range);
  }

  /**
   * The range that a planned one has become: where ranges before it were cut short, it begins where they ended. One that was planned
   * to hold nothing holds nothing.
   */
  current({ jumps, ...range }: LogRange): OffsetRange {
    const { from, until } = range;
    const known = this.#ranges.has(range);
    // The log was cut before it: it is planned again.
    const empty = { ...range, from: this.reached, until: this.reached, ...(range.end && { end: 'open' as const }) };
    if (known && until > from && this.endOf(range) <= from) return empty;
    if (jumps || this.reached >= from) return range;
    // What is left of the one before it comes later.
    if (from === until) return empty;
    return known ? { ...range, from: this.reached } : range;
  }

  /** A range is about to be read: what lies before it has been passed over. */
  seek(range: OffsetRange): void {
    if (!this.awaits(range) || this.position >= this.current(range).from) return;
    this.readers.length = 0;
    this.fetchFrom = range.from;
  }

  /**
   * What is not planned yet is passed over up to `offset`. Returns what that is; `undefined` when nothing is. What batches before
   * leave of their ranges is passed over too, see `takeLeftOver`.
   */
  passOver(offset: number): OffsetRange | undefined {
    const { topic, partition, planned: from } = this;
    if (offset <= from) return undefined;
    this.#passed = { topic, partition, from, until: offset };
    this.planned = offset;
    this.jumps = true;
    return this.#passed;
  }

  /** What was left of the ranges before this one, when it is the first one after what was passed over. */
  takeLeftOver(range: LogRange): OffsetRange | undefined {
    const passed = this.#passed;
    // A range that is replayed may have jumped in an earlier run.
    if (!passed || !range.jumps || range.from !== passed.until) return undefined;
    this.#passed = undefined;
    return this.reached < passed.from ? { ...passed, from: this.reached, until: passed.from } : undefined;
  }

  /** Whether records of a range are still to come. */
  awaits(range: OffsetRange): boolean {
    const end = this.endOf(range);
    return end > range.from && !this.hasReached(end);
  }

  /**
   * A planned range has been read as far as it will be: to the end of `read`, and the rest of it belongs to what is planned next. Returns
   * where the log goes on after it.
   */
  settle(range: OffsetRange, read: OffsetRange): TopicPartitionOffset {
    const { end, gone, next } = this.#ranges.settle(range);
    const until = Math.min(read.until, Math.max(end, this.reached));
    if (!gone && range.until > range.from) {
      this.reached = Math.max(this.reached, until);
      if (until < end && this.planned === end) this.planned = until;
    }
    const offset = gone ? next : until;
    const reached = this.#positionAt(offset);
    this.#epochs.forgetBefore(offset);
    return reached;
  }

  /** Whether ranges with offsets are planned that have not been read. */
  get unread(): boolean {
    return this.#ranges.unread;
  }

  /** Whether ranges are planned that have not been read. */
  get pending(): boolean {
    return this.#ranges.size > 0;
  }

  /** The log has no record before this offset any more. */
  skipTo(offset: number): void {
    this.fetchFrom = offset;
    this.reached = Math.max(this.reached, offset);
    this.planned = Math.max(this.planned, offset);
  }

  /** The log was truncated, or is another one: whatever was planned is given up, and reading continues here. */
  moveTo(offset: number): void {
    this.planned = offset;
    this.reached = offset;
    this.ahead = 0;
    this.fetchFrom = offset;
    this.time = undefined;
    this.readers.length = 0;
    this.overshoots.clear();
    this.#ranges.giveUp(offset);
    this.#passed = undefined;
    this.jumps = false;
    this.#epochs.cutAt(-1);
    this.#plannedEpoch = undefined;
  }

  /**
   * It has become another log. Returns what is lost.
   *
   * @throws {OffsetOutOfRangeError} when the policy is `'error'`
   */
  breakOff(found: LogBreak, policy: 'error' | 'earliest' | 'latest'): readonly OffsetRange[] {
    const { offset, lost } = passBreak(this, found, policy);
    if (found.reason === 'diverged' && policy === 'earliest') this.#cutAt(offset);
    else this.moveTo(offset);
    if (found.reason === 'recreated') {
      this.topicId = undefined;
      this.leaderEpoch = undefined;
    }
    this.heard(found.latest);
    this.checked(found.latest.leaderEpoch);
    return lost;
  }

  /** Whether everything below `until` has been read, or passed over. */
  hasReached(until: number): boolean {
    return this.position >= until;
  }

  #positionAt(offset: number): TopicPartitionOffset {
    const { topic, partition, topicId } = this;
    const identity = identityOf({ topicId, leaderEpoch: this.#epochs.before(offset) });
    return { topic, partition, offset, ...identity, ...this.decidedEnd };
  }

  #heardEpoch(leaderEpoch: number | undefined): void {
    if (leaderEpoch !== undefined) this.leaderEpoch = Math.max(leaderEpoch, this.leaderEpoch ?? leaderEpoch);
  }

  /** What was read and planned before this offset stays. */
  #cutAt(offset: number): void {
    this.drop();
    this.fetchFrom = Math.min(this.fetchFrom, offset);
    this.planned = Math.min(this.planned, offset);
    this.reached = Math.min(this.reached, offset);
    this.#passed = undefined;
    this.jumps = false;
    this.ahead = 0;
    this.overshoots.clear();
    this.#ranges.cutAt(offset);
    this.#epochs.cutAt(offset);
  }
}
