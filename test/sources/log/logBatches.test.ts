import {
  type BatchInfo,
  type DStreamError,
  foreachBatch,
  type InvalidRecord,
  json,
  type LogBatchesOptions,
  type LogClient,
  logBatches,
  memoryLog,
  type OffsetRange,
  string,
} from 'dstream';
import { type Observable, retry, type Subscription, timer } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const values = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, i) => ({ value: String(from + i), partition: (from + i) % 2 }));

function setup(records = 0) {
  const log = memoryLog({ topics: { t: 2 } });
  log.append('t', values(0, records));
  const infos: BatchInfo[] = [];
  const events: unknown[] = [];
  const run = (
    scheduler: TestScheduler,
    until: number,
    options: Partial<LogBatchesOptions<unknown>> = {},
  ): Subscription => {
    const stream = logBatches<unknown>(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: string(),
      batchObserver: { next: (info) => infos.push(info) },
      ...options,
    });
    const subscription = listen(stream.pipe(foreachBatch((batch) => void events.push(batch))), events);
    scheduler.schedule(() => void stream.stop(), until);
    return subscription;
  };
  return { log, infos, events, run };
}

function listen(stream: Observable<unknown>, events: unknown[]): Subscription {
  return stream.subscribe({
    error: (error: DStreamError) => events.push(error.message),
    complete: () => events.push('complete'),
  });
}

const ranges = (infos: readonly BatchInfo[]) =>
  infos.map((info) => info.inputs.log?.ranges.map(({ from, until }: OffsetRange) => [from, until]));

describe('logBatches', () => {
  it('delivers every record once, in the order of each partition, in ranges that join', () => {
    const { log, infos, events, run } = setup(4);
    virtual((scheduler) => {
      run(scheduler, 35);
      scheduler.schedule(() => log.append('t', values(4, 7)), 15);
    });
    expect(events).toEqual([['0', '2', '1', '3'], ['4', '6', '5'], [], 'complete']);
    expect(ranges(infos)).toEqual([
      [
        [0, 2],
        [0, 2],
      ],
      [
        [2, 4],
        [2, 3],
      ],
      [
        [4, 4],
        [3, 3],
      ],
    ]);
    expect(infos[0]).toMatchObject({ records: 4, inputs: { log: { records: 4, lag: 0 } } });
  });

  it('shares a rate out by lag and reports what still waits', () => {
    const { infos, run } = setup(100);
    virtual((scheduler) => {
      run(scheduler, 25, { backpressure: () => ({ completed: () => {}, rate: () => 1_000 }) });
    });
    expect(ranges(infos)).toEqual([
      [
        [0, 5],
        [0, 5],
      ],
      [
        [5, 10],
        [5, 10],
      ],
    ]);
    expect(infos.map((info) => info.inputs.log)).toMatchObject([{ lag: 90, rate: 1_000 }, { lag: 80 }]);
  });

  it('applies initialRate until the controller has an estimate, and caps each partition', () => {
    const { infos, run } = setup(100);
    const none = () => ({ completed: () => {}, rate: () => undefined });
    virtual((scheduler) => run(scheduler, 15, { backpressure: none, initialRate: 400 }));
    virtual((scheduler) => run(scheduler, 15, { maxRatePerPartition: 300 }));
    expect(infos.map((info) => info.records)).toEqual([4, 6]);
  });

  it('tells the controller of every batch, and of the work in flight at each formation', () => {
    const told: unknown[] = [];
    const { run } = setup(6);
    virtual((scheduler) => {
      run(scheduler, 25, {
        backpressure: ({ source, interval, initialRate }) => ({
          completed: (info, records) => told.push(['completed', source, info.time, records]),
          rate: ({ time, inFlight, lag }) => {
            told.push(['rate', time, inFlight.length, lag, interval, initialRate]);
            return 200;
          },
        }),
      });
    });
    expect(told).toEqual([
      ['rate', 10, 0, 6, 10, 1_000],
      ['completed', 'log', 10, 2],
      ['rate', 20, 0, 4, 10, 1_000],
      ['completed', 'log', 20, 2],
    ]);
  });

  it('bounds a batch by bytes when there is no controller', () => {
    const { infos, run } = setup(100);
    virtual((scheduler) => run(scheduler, 15, { maxBytesPerBatch: 200 }));
    expect(infos[0]?.records).toBeGreaterThan(0);
    expect(infos[0]?.records).toBeLessThanOrEqual(12);
    expect(infos[0]?.inputs.log?.lag).toBe(100 - (infos[0]?.records ?? 0));
  });

  it('reads within the byte budget, and never twice', () => {
    const log = memoryLog({ topics: { t: 2 } });
    log.append('t', values(0, 1_000));
    const asked: number[] = [];
    const fetched: number[] = [];
    const client: LogClient = {
      name: 'observed',
      fetch: (...[requests, options]: Parameters<typeof log.fetch>) => {
        asked.push(requests.reduce((sum, { maxBytes }) => sum + maxBytes, 0));
        fetched.push(...requests.map(({ partition, offset }) => partition * 10_000 + offset));
        return log.fetch(requests, options);
      },
      partitions: log.partitions.bind(log),
      offsets: log.offsets.bind(log),
      committed: log.committed.bind(log),
      commit: log.commit.bind(log),
      connect: log.connect.bind(log),
      close: log.close.bind(log),
    };
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const stream = logBatches(client, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: string(),
        maxBufferedBytes: 1_000,
      });
      stream.pipe(foreachBatch((records) => void seen.push(...records))).subscribe();
      scheduler.schedule(() => void stream.stop(), 15);
    });
    expect(seen).toHaveLength(1_000);
    expect(new Set(seen).size).toBe(1_000);
    expect(Math.max(...asked)).toBeLessThanOrEqual(1_100);
    expect(new Set(fetched).size).toBe(fetched.length);
  });

  it('commits after each complete batch and goes on there', () => {
    const { log, events, run } = setup(4);
    virtual((scheduler) => run(scheduler, 15, { groupId: 'g' }));
    expect([0, 1].map((partition) => log.committedOffset('g', 't', partition))).toEqual([2, 2]);
    log.append('t', values(4, 6));
    virtual((scheduler) => run(scheduler, 15, { groupId: 'g' }));
    expect(events).toEqual([['0', '2', '1', '3'], 'complete', ['4', '5'], 'complete']);
  });

  it('replays from the last committed batch after a failure', () => {
    const { log } = setup(6);
    const seen: unknown[] = [];
    let failures = 1;
    virtual((scheduler) => {
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        groupId: 'g',
        interval: 10,
        deserialize: string(),
        maxRatePerPartition: 100,
      });
      const output = foreachBatch<string | null>((records, { time }) => {
        if (time === 20 && failures-- > 0) throw new Error('output');
        seen.push(...records);
      });
      stream.pipe(output, retry(1)).subscribe();
      scheduler.schedule(() => void stream.stop(), 55);
    });
    expect(seen).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('starts at the latest, at a timestamp, at given offsets', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append(
      't',
      [1, 2, 3].map((n) => ({ value: String(n), timestamp: n * 100 })),
    );
    const started = (start: LogBatchesOptions<unknown>['start']) => {
      const events: unknown[] = [];
      virtual((scheduler) => {
        const stream = logBatches(log, { topics: ['t'], ...(start && { start }), interval: 10, deserialize: string() });
        listen(stream.pipe(foreachBatch((batch) => void events.push(...batch))), events);
        scheduler.schedule(() => void stream.stop(), 15);
      });
      return events;
    };
    expect(started(undefined)).toEqual(['complete']);
    expect(started({ timestamp: 150 })).toEqual(['2', '3', 'complete']);
    expect(started({ timestamp: 900 })).toEqual(['complete']);
    expect(started([{ topic: 't', partition: 0, offset: 1 }])).toEqual(['2', '3', 'complete']);
    expect(started([{ topic: 't', partition: 0, offset: 9 }])).toEqual([
      't/0: offsets [3, 9) are not in the log, which holds [0, 3): set offsetOutOfRange to "earliest" or "latest" to go on there',
    ]);
  });

  it('finds new partitions, and new topics of a pattern, and reads them from the earliest', () => {
    const log = memoryLog({ topics: { 'a-1': 1, other: 1 } });
    const events: unknown[] = [];
    virtual((scheduler) => {
      const stream = logBatches(log, { topics: [/^a-/], interval: 10, deserialize: string(), discoverInterval: 10 });
      listen(stream.pipe(foreachBatch((batch) => void events.push(batch))), events);
      scheduler.schedule(() => {
        log.createTopic('a-1', 2);
        log.createTopic('a-2', 1);
        log.append('a-1', [{ value: 'x', partition: 1 }]);
        log.append('a-2', [{ value: 'y' }]);
        log.append('other', [{ value: 'z' }]);
      }, 12);
      scheduler.schedule(() => void stream.stop(), 25);
    });
    expect(events).toEqual([[], ['x', 'y'], 'complete']);
  });

  it('names the lost range when retention took offsets, or goes on as told and reports it', () => {
    const at = [{ topic: 't', partition: 0, offset: 1 }];
    const events: unknown[] = [];
    const infos: BatchInfo[] = [];
    const attempt = (offsetOutOfRange?: 'earliest' | 'latest') => {
      const { log } = setup(10);
      log.truncate('t', 0, 3);
      virtual((scheduler) => {
        const stream = logBatches(log, {
          topics: ['t'],
          start: at,
          interval: 10,
          deserialize: string(),
          batchObserver: { next: (info) => infos.push(info) },
          ...(offsetOutOfRange && { offsetOutOfRange }),
        });
        listen(stream.pipe(foreachBatch((batch) => void events.push(batch))), events);
        scheduler.schedule(() => void stream.stop(), 15);
      });
    };
    attempt();
    expect(events.splice(0)).toEqual([
      't/0: offsets [1, 3) are not in the log, which holds [3, 5): set offsetOutOfRange to "earliest" or "latest" to go on there',
    ]);
    attempt('earliest');
    expect(events.splice(0)).toEqual([['6', '8'], 'complete']);
    expect(infos.pop()?.inputs.log?.lost).toEqual([{ topic: 't', partition: 0, from: 1, until: 3 }]);
    attempt('latest');
    expect(events.splice(0)).toEqual([[], 'complete']);
  });

  it('passes over offsets that are lost while running', () => {
    const { log, infos, events, run } = setup(10);
    virtual((scheduler) => {
      run(scheduler, 25, { offsetOutOfRange: 'earliest', maxRatePerPartition: 200, maxBufferedBytes: 1 });
      scheduler.schedule(() => log.truncate('t', 0, 4), 15);
    });
    expect(events).toEqual([['0', '2', '1', '3'], ['5', '7'], 'complete']);
    expect(infos[1]?.inputs.log?.lost).toEqual([{ topic: 't', partition: 0, from: 2, until: 4 }]);
  });

  it('fails on a record that cannot be deserialized, or skips it, or hands it over, with a count', () => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: '1' }, { key: 'k', value: 'x' }, { value: '3' }]);
    const letters: InvalidRecord[] = [];
    const attempt = (invalidRecords?: 'skip' | { next(record: InvalidRecord): void }) => {
      const events: unknown[] = [];
      const infos: BatchInfo[] = [];
      virtual((scheduler) => {
        const stream = logBatches(log, {
          topics: ['t'],
          start: 'earliest',
          interval: 10,
          deserialize: json<number>(),
          batchObserver: { next: (info) => infos.push(info) },
          ...(invalidRecords && { invalidRecords }),
        });
        listen(stream.pipe(foreachBatch((batch) => void events.push(batch))), events);
        scheduler.schedule(() => void stream.stop(), 15);
      });
      return [...events, infos[0]?.inputs.log?.skipped];
    };
    expect(attempt()[0]).toContain('t/0: the record at offset 1 cannot be deserialized');
    expect(attempt('skip')).toEqual([[1, 3], 'complete', 1]);
    expect(attempt({ next: (record) => letters.push(record) })).toEqual([[1, 3], 'complete', 1]);
    expect(letters).toMatchObject([{ topic: 't', partition: 0, offset: 1, until: 2 }]);
    expect(new TextDecoder().decode(letters[0]?.value ?? undefined)).toBe('x');
  });

  it('fails with the topic named when it does not exist', () => {
    const { events, run } = setup();
    virtual((scheduler) => run(scheduler, 15, { topics: ['absent'] }));
    expect(events).toEqual(['topics: topic "absent" does not exist']);
  });

  it.each([
    [{ topics: [] }, 'topics ([]) must name a topic'],
    [{ topics: undefined }, 'topics (undefined) must be given, or else partitions'],
    [{ start: 'now' as never }, 'start ("now") must be "earliest"'],
    [{ start: 'committed' as const }, 'start ("committed") needs groupId'],
    [{ start: { timestamp: -1 } }, 'start ({"timestamp":-1})'],
    [{ groupId: '' }, 'groupId ("")'],
    [{ maxRatePerPartition: 0 }, 'maxRatePerPartition (0) must be'],
    [{ maxRatePerPartition: 5, minRatePerPartition: 6 }, 'minRatePerPartition (6) must not exceed'],
    [{ maxBufferedBytes: 0.5 }, 'maxBufferedBytes (0.5)'],
    [{ offsetOutOfRange: 'ignore' as never }, 'offsetOutOfRange ("ignore") must be one of "error"'],
    [{ deserialize: 5 as never }, 'deserialize (5) must be a function'],
    [{ interval: 0 }, 'interval (0) must be a positive integer'],
  ])('refuses %j', (options, message) => {
    const given = { topics: ['t'], interval: 10, deserialize: string(), ...options } as never;
    expect(() => logBatches(memoryLog(), given)).toThrow(message);
  });

  it('plans while an output is slow and queues ranges, not records', () => {
    const { log } = setup(10);
    const times: unknown[] = [];
    virtual((scheduler) => {
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: string(),
        maxRatePerPartition: 100,
      });
      stream
        .pipe(foreachBatch(() => timer(25)))
        .subscribe(({ context, records }) => times.push([scheduler.now(), context.time, records]));
      scheduler.schedule(() => void stream.stop(), 45);
    });
    expect(times).toEqual([
      [35, 10, ['0', '1']],
      [60, 20, ['2', '3']],
      [85, 30, ['4', '5']],
      [110, 40, ['6', '7']],
    ]);
  });
});
