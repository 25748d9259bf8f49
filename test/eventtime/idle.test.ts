import {
  aggregateByEventWindow,
  type EventTimeProgress,
  eventTime,
  fixedRate,
  foreachBatch,
  json,
  type LateRecord,
  type LogBatchesOptions,
  logBatches,
  memoryLog,
  sideOutput,
  type WindowResult,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { merge } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

// Two partitions of a log with the default `idleAfter` of a minute: the first has a record every ten seconds, for an hour.

const intervalMs = 10_000;
const hourMs = 3_600_000;

interface Read {
  readonly progress: readonly EventTimeProgress[];
  readonly windows: readonly WindowResult<number>[];
  readonly late: readonly LateRecord<number>[];
}

type Limit = Pick<LogBatchesOptions<unknown>, 'maxRatePerPartition' | 'backpressure'>;

/** An hour of the log, whose second partition begins with records of these event times. */
function hourWith(second: readonly number[], limit: Limit = {}): Read {
  const progress: EventTimeProgress[] = [];
  const windows: WindowResult<number>[] = [];
  const lates: LateRecord<number>[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 2 }, scheduler });
    log.append(
      't',
      second.map((time) => ({ partition: 1, value: String(time) })),
    );
    for (let time = 0; time < hourMs; time += intervalMs) {
      scheduler.schedule(() => log.append('t', [{ partition: 0, value: String(hourMs + time) }]), time);
    }
    const late = sideOutput<LateRecord<number>>();
    const counted = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: intervalMs,
      deserialize: json<number>(),
      scheduler,
      ...limit,
    }).pipe(
      eventTime({
        timestamp: (time) => time,
        outOfOrderness: 0,
        future: Infinity,
        progress: { next: (each) => void progress.push(each) },
      }),
      aggregateByEventWindow(count(), { window: 60_000, late }),
    );
    const subscription = merge(
      late.pipe(foreachBatch((records) => void lates.push(...records))),
      counted.pipe(foreachBatch((results) => void windows.push(...results))),
    ).subscribe();
    scheduler.schedule(() => subscription.unsubscribe(), hourMs);
  });
  return { progress, windows, late: lates };
}

describe('a partition without records', () => {
  it('is named as what holds the watermark back, and does not after a minute', () => {
    const { progress, windows, late } = hourWith([hourMs]);
    const [first] = progress.filter(({ partitions }) => partitions[1]?.newest !== undefined);
    const since = first?.time ?? Number.NaN;
    const quiet = progress.filter(({ time }) => time > since);
    const waiting = quiet.filter(({ time }) => time < since + 60_000);
    expect(waiting.length).toBeGreaterThan(3);
    for (const { heldBackBy, watermark } of waiting) {
      expect(heldBackBy).toBe('t/1');
      expect(watermark).toBe(hourMs);
    }
    const idle = quiet.filter(({ time }) => time >= since + 60_000);
    expect(idle.length).toBeGreaterThan(300);
    for (const { heldBackBy, partitions } of idle) {
      expect(heldBackBy).toBe('t/0');
      expect(partitions[1]?.status).toBe('idle');
    }
    expect(windows.length).toBeGreaterThan(50);
    expect(late).toEqual([]);
  });

  it.each<[string, Limit, boolean]>([
    ['a record a second and partition', { maxRatePerPartition: 1 }, false],
    // Each batch reads one record or none, of one of the partitions.
    ['a record in a hundred seconds', { backpressure: fixedRate(0.01) }, true],
  ])('is not idle while an hour of its records waits, at %s', (_, limit, isQuiet) => {
    const backlog = Array.from({ length: 3_600 }, (_, i) => i * 1_000);
    const { progress, late } = hourWith(backlog, limit);
    expect(progress.length).toBeGreaterThan(300);
    const read = progress.map(({ partitions }) => partitions[1]?.newest);
    const longest = Math.max(...progress.map((_, i) => read.lastIndexOf(read[i]) - read.indexOf(read[i])));
    // Whether more than a minute goes by from one record to the next.
    expect(longest * intervalMs > 60_000).toBe(isQuiet);
    for (const { watermark, partitions } of progress) {
      expect(partitions[1]?.status).toBe('active');
      expect(watermark).toBe(partitions[1]?.newest ?? -Infinity);
    }
    expect(late).toEqual([]);
  });
});
