import type { Batch } from '../../batch/batch.js';
import { type BatchEventTime, EventClock, type RecordOrigin } from '../../batch/eventTime.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { PartitionEnd, PartitionWatermark } from '../../eventtime/partitionWatermark.js';
import type { Watermarks } from '../../eventtime/watermarks.js';
import type { Chain } from '../fusion/chain.js';
import { visitPartition } from '../fusion/visitRecords.js';
import type { Refusal, TimeReader } from './timeReader.js';

/** All partitions without an offset range are one sequence of records, in their order. */
const withoutRange = '-';

/** One partition of a batch, whose records get their event times. */
interface StampedPartition {
  readonly watermark: PartitionWatermark;
  readonly origin: RecordOrigin;
  /** Its number of records and newest event time before its first record in the batch, once a loop has begun. */
  start: { readonly records: number; readonly newest: number } | undefined;
  /** What has no event time, and is left out. */
  refused: Refusal[];
}

/**
 * A batch whose records get their event times while a loop visits them: the loop may be that of an operator behind (see fusion), so
 * nothing is kept for each record. What no loop has visited is visited when the watermark after the batch is asked for.
 */
export class StampedBatch implements BatchEventTime {
  readonly clock = new EventClock();
  readonly before: number;
  readonly #batch: Batch<unknown>;
  readonly #watermarks: Watermarks;
  readonly #steps: Chain['steps'];
  readonly #owners: Chain['owners'];
  readonly #partitions: readonly StampedPartition[];
  #after: number | undefined;

  readonly #completed: (batch: StampedBatch) => void;

  /**
   * `steps`: what is to be done with each record of the batch, up to the step that stamps it, and `owners` whose they are. `completed` is called when all its records
   * have been stamped, and it has passed.
   */
  constructor(
    batch: Batch<unknown>,
    watermarks: Watermarks,
    { steps, owners }: Pick<Chain, 'steps' | 'owners'>,
    completed: (batch: StampedBatch) => void,
  ) {
    this.#completed = completed;
    this.#batch = batch;
    this.#watermarks = watermarks;
    this.#steps = steps;
    this.#owners = owners;
    this.before = watermarks.watermark;
    const keys = batch.partitions.map(({ range }) => (range ? partitionKey(range) : withoutRange));
    this.#partitions = watermarks.begin(keys, batch.context.time).map((watermark) => {
      return { watermark, origin: { rank: watermark.rank, reason: watermark.reason }, start: undefined, refused: [] };
    });
  }

  get after(): number {
    this.#after ??= this.#finish();
    return this.#after;
  }

  /** The batch has passed through everything behind. */
  complete(): void {
    this.#after ??= this.#finish();
    this.#completed(this);
  }

  /** What has been left out, in the order of the partitions. To be read after the records have been visited. */
  get refused(): readonly Refusal[] {
    return this.#partitions.flatMap(({ refused }) => refused);
  }

  /**
   * The step that stamps the records of a partition. `refuse` throws, or the record is left out.
   */
  step<T>(
    index: number,
    reader: TimeReader<T>,
    next: (record: T) => void,
    refuse: (refusal: Refusal) => void,
  ): (record: T) => void {
    const partition = this.#partitions[index] as StampedPartition;
    const { watermark, origin } = partition;
    const { clock } = this;
    const { timestamp } = reader;
    // In a second loop the records get the same times again.
    if (partition.start) watermark.rewind(partition.start.records, partition.start.newest);
    else partition.start = { records: watermark.records, newest: watermark.newest };
    partition.refused = [];
    clock.origin = origin;
    return (record) => {
      const time = timestamp(record);
      if (!(typeof time === 'number' && time >= 0 && time <= reader.limit)) {
        const refusal = reader.check(record, time);
        if (refusal) {
          refuse(refusal);
          partition.refused.push(refusal);
          return;
        }
      }
      clock.time = time;
      clock.floor = watermark.floor;
      clock.sequence = watermark.records++;
      if (time > watermark.newest) watermark.advance(time);
      next(record);
    };
  }

  #finish(): number {
    const batch = this.#batch;
    for (const [index, { start }] of this.#partitions.entries()) {
      if (!start) visitPartition(this.#steps, batch, index, ignore, { steps: this.#owners });
    }
    const { time, interval } = batch.context;
    this.#watermarks.end(endsOf(batch), time, interval);
    return this.#watermarks.watermark;
  }
}

/** How far the plan of the batch reads each partition. */
function endsOf(batch: Batch<unknown>): ReadonlyMap<string, PartitionEnd> {
  const ends = new Map<string, PartitionEnd>();
  for (const { range } of batch.partitions) if (range) ends.set(partitionKey(range), range.end);
  const ranges = Object.values(batch.context.inputs).flatMap((input) => input.ranges);
  if (ranges.length > 0 && ranges.every(({ end }) => end === 'ended')) ends.set(withoutRange, 'ended');
  return ends;
}

const ignore = (): void => {};
