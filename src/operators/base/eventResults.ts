import { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { type BatchEventTime, EventClock, withEventTime, withTimes } from '../../batch/eventTime.js';

/**
 * A batch of results with event times of their own, for event-time operators behind. `times` is called only if these are asked for. No
 * time is below the watermark before the batch, so the results are late nowhere.
 */
export function eventResults<R>(
  context: BatchContext,
  { before, after }: Pick<BatchEventTime, 'before' | 'after'>,
  records: readonly R[],
  times: () => readonly number[],
): Batch<R> {
  const partition = withTimes({ index: 0, records }, () => {
    const { origin } = new EventClock();
    return {
      times: times().map((time) => Math.max(time, before)),
      floors: records.map(() => before),
      origins: records.map(() => origin),
      sequences: records.map((_, i) => i),
    };
  });
  return withEventTime(new Batch([partition], context), { before, after, clock: new EventClock() });
}
