import type { Batch } from '../../batch/batch.js';
import { eventTimeOf, timesOf } from '../../batch/eventTime.js';
import type { Chain, Visit } from './chain.js';

/**
 * Visits the records of one partition of a batch, after the steps of a chain. Where the records have event times, the clock of the
 * batch shows that of each while it is visited; what a step makes of a record has its time.
 */
export function visitPartition(
  steps: Chain['steps'],
  batch: Batch<unknown>,
  index: number,
  last: Visit<unknown>,
): void {
  const partition = batch.partitions[index];
  if (!partition) return;
  const place = { batch, index };
  const first = steps.reduceRight((next, step) => step(next, batch.context, place), last);
  const { records } = partition;
  const times = timesOf(partition);
  const clock = times && eventTimeOf(batch)?.clock;
  if (!times || !clock) {
    for (const record of records) first(record);
    return;
  }
  for (let i = 0; i < records.length; i++) {
    clock.time = times.times[i] as number;
    clock.floor = times.floors[i] as number;
    clock.origin = times.origins[i] as (typeof times.origins)[number];
    clock.sequence = times.sequences[i] as number;
    first(records[i]);
  }
}
