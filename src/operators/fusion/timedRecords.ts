import { type EventClock, type PartitionTimes, type RecordOrigin, withTimes } from '../../batch/eventTime.js';
import type { Partition } from '../../batch/partition.js';

/** Gathers the records of a partition, each with the event time that the clock shows when it is added. */
export class TimedRecords<T> {
  readonly records: T[] = [];
  readonly #clock: EventClock | undefined;
  readonly #times: number[] = [];
  readonly #floors: number[] = [];
  readonly #origins: RecordOrigin[] = [];
  readonly #sequences: number[] = [];

  /** Without a clock it gathers records only. */
  constructor(clock: EventClock | undefined) {
    this.#clock = clock;
  }

  add(record: T): void {
    this.records.push(record);
    const clock = this.#clock;
    if (!clock) return;
    this.#times.push(clock.time);
    this.#floors.push(clock.floor);
    this.#origins.push(clock.origin);
    this.#sequences.push(clock.sequence);
  }

  /** The partition with these records; index and range stay. */
  partition(of: Omit<Partition<unknown>, 'records'>): Partition<T> {
    const partition = { ...of, records: this.records };
    if (!this.#clock) return partition;
    const times: PartitionTimes = {
      times: this.#times,
      floors: this.#floors,
      origins: this.#origins,
      sequences: this.#sequences,
    };
    return withTimes(partition, times);
  }
}
