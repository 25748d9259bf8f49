import { foreachBatch, logBatches, mapRecords, string } from 'dstream';
import { lastValueFrom } from 'rxjs';
import { costed } from './costed.js';
import { logOf } from './log.js';
import { threadTime } from './threadTime.js';

/** Reads a log to its end through a map; returns the processor time of this thread, in ms. */
export async function read(records: number, turns: number): Promise<number> {
  const log = logOf(records);
  const map = costed(turns);
  const stream = logBatches(log, {
    topics: ['t'],
    start: 'earliest',
    until: 'latest',
    interval: 10,
    maxRatePerPartition: 2_000_000,
    deserialize: string(),
  });
  let sum = 0;
  const from = threadTime();
  const counted = foreachBatch<number>((results) => {
    for (const result of results) sum += result;
  });
  await lastValueFrom(
    stream.pipe(
      mapRecords((value) => map(value ?? '')),
      counted,
    ),
    { defaultValue: undefined },
  );
  if (Number.isNaN(sum)) throw new Error('nothing was read');
  return threadTime() - from;
}
