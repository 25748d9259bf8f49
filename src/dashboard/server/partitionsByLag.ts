import type { InputSnapshot } from '../../batch/monitoring/streamSnapshot.js';
import type { PartitionSum, PartitionView } from '../wire/streamView.js';

/** Partitions of a stream, sorted and summed. */
export interface PartitionsByLag {
  readonly total: PartitionSum;
  /** Largest lag first; of equal lag by source, topic and number. */
  readonly largest: readonly PartitionView[];
  readonly others: PartitionSum | undefined;
}

/** Sorts the partitions of all inputs by lag and sums up those beyond `max`. */
export function partitionsByLag(inputs: Readonly<Record<string, InputSnapshot>>, max: number): PartitionsByLag {
  const all = Object.entries(inputs).flatMap(([source, { partitions }]) =>
    partitions.map(({ topic, partition, planned, committed, end, lag, behind, bufferedBytes }): PartitionView => {
      return { source, topic, partition, planned, committed, end, lag, behind, bufferedBytes };
    }),
  );
  all.sort(
    (a, b) => b.lag - a.lag || compare(a.source, b.source) || compare(a.topic, b.topic) || a.partition - b.partition,
  );
  const others = all.length > max ? sumOf(all.slice(max)) : undefined;
  return { total: sumOf(all), largest: all.slice(0, max), others };
}

function sumOf(partitions: readonly PartitionView[]): PartitionSum {
  let lag = 0;
  let bufferedBytes = 0;
  let behind: number | undefined;
  for (const partition of partitions) {
    lag += partition.lag;
    bufferedBytes += partition.bufferedBytes;
    if (partition.behind !== undefined) behind = Math.max(behind ?? 0, partition.behind);
  }
  return { count: partitions.length, lag, behind, bufferedBytes };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
