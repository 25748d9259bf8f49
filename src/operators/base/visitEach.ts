import type { Batch } from '../../batch/batch.js';
import { InvalidStateError } from '../../batch/errors.js';
import { guarded } from '../../batch/guarded.js';
import { OriginTracker } from '../../batch/originTracker.js';
import type { FailedRecord } from '../../batch/recordErrors.js';
import { copyFault } from '../../collections/copyFault.js';

/** The operator that visits records. */
type Owner = Pick<FailedRecord, 'operator' | 'id'>;

/** Calls `visit` with each record of a batch, in order. Where the stream puts failed records aside, what it throws does that. */
export function visitEach<T>(batch: Batch<T>, owner: Owner, visit: (record: T) => void): void {
  const { context, partitions } = batch;
  if (!context.recordErrors) {
    for (const { records } of partitions) for (const record of records) visit(record);
    return;
  }
  const tracker = new OriginTracker();
  const one = guarded(context, owner, () => tracker.origin, visit);
  for (const partition of partitions) {
    for (const [i, record] of partition.records.entries()) {
      tracker.at(partition, i);
      one(record);
    }
  }
}

/**
 * Runs `work`, which may change `state` in place and throw. Where the stream puts failed records aside, `restore` then receives the
 * state as it was before, and the error goes on.
 *
 * @throws {InvalidStateError} when the state cannot be copied, so that it cannot be restored: this fails the batch
 */
export function keepingState<S>(
  { context }: Batch<unknown>,
  { operator, id }: Owner,
  key: unknown,
  state: S | undefined,
  work: () => void,
  restore: (copy: S) => void,
): void {
  const errors = context.recordErrors;
  if (!errors || typeof state !== 'object' || state === null) {
    work();
    return;
  }
  const fault = copyFault(state);
  const copy = fault === undefined ? structuredClone(state) : undefined;
  try {
    work();
  } catch (cause) {
    if (copy !== undefined) restore(copy);
    else {
      const rule = `a function failed, and the state cannot be restored: it${fault}`;
      errors.fail(new InvalidStateError(operator, id, key, rule, { cause }));
    }
    throw cause;
  }
}
