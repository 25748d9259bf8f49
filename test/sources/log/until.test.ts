import {
  foreachBatch,
  type LogBatchesOptions,
  logBatches,
  type MemoryLog,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** A log of two partitions with records at the timestamps 0, 1 and so on. */
function logOf(scheduler: TestScheduler, counts: readonly number[] = [5, 3]): MemoryLog {
  const log = memoryLog({ topics: { t: counts.length }, scheduler });
  for (const [partition, count] of counts.entries()) {
    for (let i = 0; i < count; i++) log.append('t', [{ partition, value: `${partition}-${i}`, timestamp: i }]);
  }
  return log;
}

/** What a stream does until the time 500: its batches, then how it ends. */
function eventsOf(
  options: Partial<LogBatchesOptions<string>>,
  change: (log: MemoryLog, scheduler: TestScheduler) => void = () => {},
  counts?: readonly number[],
): readonly unknown[] {
  const events: unknown[] = [];
  virtual((scheduler) => {
    const log = logOf(scheduler, counts);
    change(log, scheduler);
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: string(),
      scheduler,
      ...options,
    });
    const subscription = stream
      .pipe(
        foreachBatch((records, { inputs }) => {
          const ends = inputs.log?.ranges.map(({ end }) => end);
          events.push([records, ends]);
        }),
      )
      .subscribe({
        error: ({ message }: Error) => events.push(message),
        complete: () => events.push('complete'),
      });
    scheduler.schedule(() => subscription.unsubscribe(), 500);
  });
  return events;
}

describe('until', () => {
  it('ends at the latest offsets of the start, and says so in the plan of the last batch', () => {
    const append = (log: MemoryLog, scheduler: TestScheduler) => {
      scheduler.schedule(() => log.append('t', [{ partition: 0, value: 'later' }]), 5);
    };
    expect(eventsOf({ until: 'latest', maxRatePerPartition: 300 }, append)).toEqual([
      [
        ['0-0', '0-1', '0-2', '1-0', '1-1', '1-2'],
        ['open', 'ended'],
      ],
      [
        ['0-3', '0-4'],
        ['ended', 'ended'],
      ],
      'complete',
    ]);
  });

  it('ends before the first record at a timestamp', () => {
    expect(eventsOf({ until: { timestamp: 2 } })).toEqual([
      [
        ['0-0', '0-1', '1-0', '1-1'],
        ['ended', 'ended'],
      ],
      'complete',
    ]);
  });

  it('ends at given offsets, and waits for records up to there', () => {
    const until = [{ topic: 't', partition: 0, offset: 6 }];
    const append = (log: MemoryLog, scheduler: TestScheduler) => {
      scheduler.schedule(
        () =>
          log.append('t', [
            { partition: 0, value: 'a' },
            { partition: 0, value: 'b' },
          ]),
        15,
      );
    };
    expect(eventsOf({ until }, append)).toEqual([
      [
        ['0-0', '0-1', '0-2', '0-3', '0-4', '1-0', '1-1', '1-2'],
        ['caughtUp', 'ended'],
      ],
      [['a'], ['ended', 'ended']],
      'complete',
    ]);
  });

  it('has one batch, which is empty, where there is nothing to read', () => {
    expect(eventsOf({ start: 'latest', until: 'latest' })).toEqual([[[], ['ended', 'ended']], 'complete']);
    expect(eventsOf({ until: 'latest' }, undefined, [0, 0])).toEqual([[[], ['ended', 'ended']], 'complete']);
  });

  it('does not read topics that are added meanwhile', () => {
    const add = (log: MemoryLog, scheduler: TestScheduler) => {
      scheduler.schedule(() => log.createTopic('tt'), 5);
      scheduler.schedule(() => log.append('t', [{ partition: 0, value: 'last' }]), 25);
    };
    const until = [{ topic: 't', partition: 0, offset: 6 }];
    const events = eventsOf({ topics: [/t/], until, discoverInterval: 10 }, add);
    expect(events.at(-1)).toBe('complete');
    expect(events.at(-2)).toEqual([['last'], ['ended', 'ended']]);
  });

  it('refuses an end before the start', () => {
    const start = [{ topic: 't', partition: 0, offset: 4 }];
    const [message] = eventsOf({ start, until: [{ topic: 't', partition: 0, offset: 2 }] });
    expect(message).toContain('ends t/0 at offset 2, before it starts (at 4)');
  });

  it('refuses an end that is no longer in the log', () => {
    const until = [{ topic: 't', partition: 0, offset: 2 }];
    const [message] = eventsOf({ until }, (log) => log.truncate('t', 0, 3));
    expect(message).toContain('ends t/0 at offset 2, which is no longer in the log (its first offset is 3)');
  });

  it('refuses what is no end', () => {
    const make = (until: unknown) => () =>
      logBatches(memoryLog({ topics: { t: 1 } }), {
        topics: ['t'],
        interval: 10,
        deserialize: string(),
        until: until as 'latest',
      });
    expect(make('earliest')).toThrow('until ("earliest") must be "latest", { timestamp } in ms, or a list of offsets');
    expect(make({ timestamp: -1 })).toThrow('until');
    expect(make([{ topic: 't', partition: 0, offset: -1 }])).toThrow(
      'must have offsets that are integers of at least 0',
    );
  });

  it('completes after a restart, with the ends of what was planned', () => {
    const checkpoint = memoryCheckpoint();
    const events: unknown[] = [];
    let crashes = 1;
    virtual((scheduler) => {
      const log = logOf(scheduler);
      const life = () =>
        logBatches(log, {
          topics: ['t'],
          start: 'earliest',
          until: 'latest',
          interval: 10,
          deserialize: string(),
          scheduler,
          checkpoint,
        })
          .pipe(
            foreachBatch((records) => {
              if (crashes-- > 0) throw new Error('crash');
              events.push(records.length);
            }),
          )
          .subscribe({
            error: () => {
              log.append('t', [{ partition: 0, value: 'later' }]);
              life();
            },
            complete: () => events.push('complete'),
          });
      life();
      scheduler.schedule(() => {}, 100);
    });
    expect(events).toEqual([8, 'complete']);
  });

  it('keeps the latest offset of its start over restarts, until all before it is read', () => {
    const checkpoint = memoryCheckpoint();
    const events: unknown[] = [];
    virtual((scheduler) => {
      const log = logOf(scheduler, [6, 1]);
      const life = (next: () => void) => {
        let batches = 0;
        const subscription = logBatches(log, {
          topics: ['t'],
          start: 'earliest',
          until: 'latest',
          maxRatePerPartition: 200,
          interval: 10,
          deserialize: string(),
          scheduler,
          checkpoint,
          batchObserver: {
            next: () => {
              if (++batches < 2) return;
              subscription.unsubscribe();
              next();
            },
          },
        })
          .pipe(foreachBatch((records) => void events.push(records.length)))
          .subscribe({ complete: () => events.push('complete') });
      };
      // Two of three batches; then more comes, and after the rest the second life ends where the first would have.
      life(() => {
        log.append(
          't',
          [0, 1].map((partition) => ({ partition, value: 'later' })),
        );
        life(() => {});
      });
      // It is complete: a third life reads what came later.
      scheduler.schedule(() => life(() => {}), 300);
      scheduler.schedule(() => {}, 400);
    });
    expect(events).toEqual([3, 2, 2, 'complete', 2, 'complete']);
  });
});
