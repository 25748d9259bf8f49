import type { BatchContext } from '../batch/batchContext.js';
import { ProcessEndedError } from '../batch/errors.js';
import { OriginTracker } from '../batch/originTracker.js';
import type { Partition } from '../batch/partition.js';
import { type Segment, undecoded } from '../batch/segment.js';
import type { Fetched } from '../sources/source.js';
import type { FailingBatches } from './failingBatches.js';
import type { RunningBatch } from './runningBatch.js';

/** A batch that runs without its records: they have failed for the last time, or have ended the process. */
export interface GivenUp {
  /** What was read for it. */
  readonly fetched: ReadonlyMap<string, Fetched<unknown>>;
  /** By what it failed. */
  readonly error: unknown;
}

/** `undefined` for a batch that keeps its records. */
export function givenUpOf(
  { time, attempts, counted }: RunningBatch,
  fetched: GivenUp['fetched'],
  failing: FailingBatches | undefined,
): GivenUp | undefined {
  if (failing?.portionOf(time) !== 0) return undefined;
  // This one has been counted already.
  const ended = () => new ProcessEndedError(time, counted ? attempts - 1 : attempts);
  return { fetched, error: failing.errorOf(time) ?? ended() };
}

/**
 * Puts every record of a batch aside that is given up. No function of the user's is called with them: it may be what ends the process.
 */
export function putBatchAside({ fetched, error }: GivenUp, context: BatchContext): void {
  const { recordErrors } = context;
  if (!recordErrors) return;
  const tracker = new OriginTracker();
  const putAside = (record: unknown): void =>
    recordErrors.putAside({ operator: 'onBatchError', record, error }, tracker.origin, context);
  for (const { partitions, failed = [] } of fetched.values()) {
    for (const partition of partitions) visitUndecoded(partition, tracker, putAside);
    for (const { origin } of failed) {
      recordErrors.putAside({ operator: 'onBatchError', record: origin.value, error }, origin, context);
    }
  }
}

function visitUndecoded(partition: Partition<unknown>, tracker: OriginTracker, visit: (record: unknown) => void): void {
  for (const [i, record] of partition.records.entries()) {
    tracker.at(partition, i);
    const segment = typeof record === 'object' && record !== null ? (record as Partial<Segment<unknown>>) : {};
    if (segment[undecoded]) segment[undecoded](visit, tracker);
    else visit(record);
  }
}
