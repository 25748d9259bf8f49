import type { EventTimeCounts } from '../../batch/batchInfo.js';
import type { EventTimeProgress, PartitionEventTime } from '../../batch/eventTimeProgress.js';
import { shownPartitions } from '../wire/boardUpdate.js';
import type { EventPartitionView, EventTimeView } from '../wire/streamView.js';

/** What the page shows of the event times of a stream, whatever the number of partitions. */
export function eventTimeView(
  progress: readonly EventTimeProgress[],
  counts: EventTimeCounts,
): EventTimeView | undefined {
  if (progress.length === 0) return undefined;
  const prefix = (id = '') => (progress.length > 1 ? `${id}: ` : '');
  return {
    watermarks: progress.map(({ id, watermark }) => ({
      id,
      // JSON has no other numbers.
      watermark: Number.isFinite(watermark) ? watermark : undefined,
    })),
    partitions: progress.flatMap((each) => partitionsOf(each, prefix(each.id))),
    counts,
  };
}

function partitionsOf({ partitions, heldBackBy }: EventTimeProgress, prefix: string): readonly EventPartitionView[] {
  const sorted = [...partitions].sort(
    (a, b) => rank(a) - rank(b) || ageOf(a) - ageOf(b) || (a.partition < b.partition ? -1 : 1),
  );
  const latest = partitions.reduce((most, partition) => Math.max(most, ageOf(partition)), -Infinity);
  const shown = sorted.slice(0, shownPartitions).map(
    ({ partition, newest, status }): EventPartitionView => ({
      partition: prefix + partition,
      newest,
      behind: newest === undefined ? undefined : latest - newest,
      status: partition === heldBackBy ? 'holds it back' : status,
    }),
  );
  const more = sorted.length - shown.length;
  if (more === 0) return shown;
  return [...shown, { partition: `${prefix}${more} more`, newest: undefined, behind: undefined, status: '' }];
}

/** Others do not hold the watermark back. */
function rank({ status }: PartitionEventTime): number {
  return status === 'active' ? 0 : 1;
}

/** One without any record waits longest. */
function ageOf({ newest = -Infinity }: PartitionEventTime): number {
  return Math.max(newest, -Number.MAX_VALUE);
}
