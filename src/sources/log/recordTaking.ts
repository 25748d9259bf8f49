import type { MalformedRecordError } from '../../batch/errors.js';
import type { PartitionState } from './partitionState.js';
import type { RecordReader } from './recordReader.js';

/** What becomes of the records of one batch, when its turn to be read has come. */
export interface RecordTaking<R> {
  /** Records that go into the batch, so far. */
  readonly records: number;
  /** Records that were left out because they are invalid, so far. */
  readonly skipped: number;
  /** Time, in ms, that was spent on making records after they were taken. */
  readonly elapsed: number;
  /** Moves `reader` over records below `until`, at most `max` of them, and puts what becomes of them into `taken`. */
  take(reader: RecordReader, until: number, max: number, state: PartitionState, taken: R[]): void;
  /** The batch has been dispatched: lets go of what was kept for that. */
  release(): void;
  /** Goes past what is damaged, or throws. */
  malformed(error: MalformedRecordError, reader: RecordReader): void;
}
