import {
  fixedRate,
  foreachBatch,
  type LogClient,
  logBatches,
  type MemoryLog,
  memoryCheckpoint,
  memoryLog,
  type OffsetRange,
  string,
} from 'dstream';
import { from, map, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const options = { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() } as const;
const values = (count: number) => Array.from({ length: count }, (_, i) => ({ value: String(i), partition: 0 }));

/** The ends of the ranges of partition 0, by batch. */
function endsOf(ranges: readonly (readonly OffsetRange[])[]): readonly unknown[] {
  return ranges.map(([first]) => first?.end);
}

/** A log whose last record belongs to a transaction that is open: it is written, and may not be read. */
function withOpenTransaction(log: MemoryLog): LogClient {
  const offsets: LogClient['offsets'] = (partitions, point) =>
    from(log.offsets(partitions, point)).pipe(
      map((found) => found.map((one) => ({ ...one, highWatermark: one.offset + 1 }))),
    );
  const methods = ['connect', 'partitions', 'fetch', 'committed', 'commit', 'close'] as const;
  const bound = Object.fromEntries(methods.map((method) => [method, log[method].bind(log)]));
  return { name: 'log', ...bound, offsets } as unknown as LogClient;
}

describe('the end of a range', () => {
  const run = (log: LogClient, until = 45): readonly (readonly OffsetRange[])[] => {
    const ranges: (readonly OffsetRange[])[] = [];
    virtual((scheduler) => {
      const stream = logBatches(log, { ...options, backpressure: fixedRate(200) });
      const subscription = stream
        .pipe(foreachBatch(() => {}))
        .subscribe(({ partitions }) => void ranges.push(partitions.flatMap(({ range }) => range ?? [])));
      scheduler.schedule(() => subscription.unsubscribe(), until);
    });
    return ranges;
  };

  it('is open while records are left, and caught up at the end of the log', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', values(5));
    expect(endsOf(run(log))).toEqual(['open', 'open', 'caughtUp', 'caughtUp']);
  });

  it('is not caught up behind an open transaction', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', values(5));
    expect(endsOf(run(withOpenTransaction(log)))).toEqual(['open', 'open', 'open', 'open']);
  });

  it('is decided with the plan: a replay does not ask again', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', values(2));
    const checkpoint = memoryCheckpoint();
    const ranges: (readonly OffsetRange[])[] = [];
    virtual((scheduler) => {
      const start = (at: number, until: number) =>
        scheduler.schedule(() => {
          const stream = logBatches(log, { ...options, checkpoint });
          const output = foreachBatch<string | null>((_, { inputs }) => {
            ranges.push(inputs.log?.ranges ?? []);
            return timer(5);
          });
          const subscription = stream.pipe(output).subscribe();
          scheduler.schedule(() => subscription.unsubscribe(), until - at);
        }, at);
      start(0, 12);
      scheduler.schedule(() => void log.append('t', values(3)), 13);
      start(14, 25);
    });
    expect(ranges.map(([range]) => [range?.from, range?.until, range?.end])).toEqual([
      [0, 2, 'caughtUp'],
      [0, 2, 'caughtUp'],
      [2, 5, 'caughtUp'],
    ]);
  });

  it('is unknown at ticks that were missed: what is found now says little about then', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', values(2));
    const checkpoint = memoryCheckpoint();
    const ends: unknown[] = [];
    virtual((scheduler) => {
      const start = (at: number, until: number) =>
        scheduler.schedule(() => {
          const stream = logBatches(log, { ...options, checkpoint });
          const subscription = stream
            .pipe(foreachBatch(() => {}))
            .subscribe(({ context }) => void ends.push([context.time, context.inputs.log?.ranges[0]?.end]));
          scheduler.schedule(() => subscription.unsubscribe(), until - at);
        }, at);
      start(0, 12);
      start(45, 55);
    });
    expect(ends).toEqual([
      [10, 'caughtUp'],
      [20, undefined],
      [30, undefined],
      [40, 'caughtUp'],
      [50, 'caughtUp'],
    ]);
  });
});
