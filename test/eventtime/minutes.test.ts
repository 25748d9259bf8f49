import {
  aggregateByEventWindow,
  eventTime,
  fixedRate,
  foreachBatch,
  json,
  logBatches,
  memoryCheckpoint,
  memoryLog,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { retry } from 'rxjs';
import { expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

const seconds = 600;
const minuteMs = 60_000;

/** The counts by minute of ten minutes of events, one a second; the output fails in the batches with these numbers. */
function countsAt(rate: number, crashes: readonly number[]): readonly number[] {
  const counts: number[] = [];
  let batches = 0;
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    log.append(
      't',
      Array.from({ length: seconds }, (_, i) => ({ value: String(i * 1_000) })),
    );
    logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      until: 'latest',
      interval: 1_000,
      deserialize: json<number>(),
      backpressure: fixedRate(rate),
      checkpoint: memoryCheckpoint(),
      scheduler,
    })
      .pipe(
        eventTime({ timestamp: (at) => at, outOfOrderness: 0, future: Infinity, id: 'time' }),
        aggregateByEventWindow(count(), { window: minuteMs, id: 'minutes' }),
        foreachBatch((windows) => {
          if (crashes.includes(batches++)) throw new Error('crash');
          counts.push(...windows.map(({ value }) => value));
        }),
        retry(crashes.length),
      )
      .subscribe();
  });
  return counts;
}

it.each([
  ['as they happen', 1, []],
  ['37 at a time', 37, []],
  ['an hour in a second', 3_600, []],
  ['with two crashes', 50, [3, 7]],
] as const)('ten minutes of events are ten windows of 60: %s', (_, rate, crashes) => {
  expect(countsAt(rate, crashes)).toEqual(Array(10).fill(60));
});
