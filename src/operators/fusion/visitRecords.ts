import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { eventTimeOf, timesOf } from '../../batch/eventTime.js';
import { guarded } from '../../batch/guarded.js';
import { OriginTracker } from '../../batch/originTracker.js';
import type { Segment } from '../../batch/segment.js';
import { type Chain, openSegment, type Place, type StepOwner, type Visit } from './chain.js';

/** Whose functions are called with a record: where the stream puts failed records aside, these are named. */
export interface Owners {
  /** The operators of the steps; the step that opens segments has none. */
  readonly steps?: readonly StepOwner[];
  /** The operator that is visited last, if it has a function of its own. */
  readonly last?: StepOwner;
  /** Knows where the record that is visited was read from. */
  readonly tracker?: OriginTracker;
}

/**
 * Visits the records of one partition of a batch, after the steps of a chain. Where the records have event times, the clock of the
 * batch shows that of each while it is visited; what a step makes of a record has its time.
 */
export function visitPartition(
  steps: Chain['steps'],
  batch: Batch<unknown>,
  index: number,
  last: Visit<unknown>,
  owners?: Owners,
): void {
  const partition = batch.partitions[index];
  if (!partition) return;
  const place = { batch, index };
  const tracker = batch.context.recordErrors && owners && (owners.tracker ?? new OriginTracker());
  if (tracker) tracker.refuse = (error) => refuseRecord(batch.context, tracker, error);
  const first = tracker
    ? composeGuarded(steps, place, last, owners, tracker)
    : steps.reduceRight((next, step) => step(next, batch.context, place), last);
  const { records } = partition;
  const times = timesOf(partition);
  const clock = times && eventTimeOf(batch)?.clock;
  if (!times || !clock) {
    if (tracker) visitTracked(batch, index, first, tracker);
    else for (const record of records) first(record);
    return;
  }
  for (let i = 0; i < records.length; i++) {
    clock.time = times.times[i] as number;
    clock.floor = times.floors[i] as number;
    clock.origin = times.origins[i] as (typeof times.origins)[number];
    clock.sequence = times.sequences[i] as number;
    tracker?.at(partition, i);
    first(records[i]);
  }
}

/** Of a record that cannot be deserialized, the bytes are all that there is. */
function refuseRecord(context: BatchContext, { origin }: OriginTracker, error: unknown): void {
  const { recordErrors } = context;
  if (!recordErrors || recordErrors.failing) throw error;
  recordErrors.putAside({ operator: 'deserialize', record: origin?.value, error }, origin, context);
}

/** Each step is guarded by itself, so that a record is put aside as the operator received it, and the others pass. */
function composeGuarded(
  steps: Chain['steps'],
  place: Place,
  last: Visit<unknown>,
  owners: Owners,
  tracker: OriginTracker,
): Visit<unknown> {
  const { context } = place.batch;
  const guard = (owner: StepOwner | undefined, visit: Visit<unknown>) =>
    owner ? guarded(context, owner, () => tracker.origin, visit) : visit;
  const named = owners.steps ?? [];
  const unnamed = steps.length - named.length;
  return steps.reduceRight(
    (next, step, i) => {
      if (step === openSegment) return (segment) => (segment as Segment<unknown>).forEach(next, tracker);
      return guard(named[i - unnamed], step(next, context, place));
    },
    guard(owners.last, last),
  );
}

function visitTracked(batch: Batch<unknown>, index: number, visit: Visit<unknown>, tracker: OriginTracker): void {
  const partition = batch.partitions[index];
  if (!partition) return;
  for (const [i, record] of partition.records.entries()) {
    tracker.at(partition, i);
    visit(record);
  }
}
