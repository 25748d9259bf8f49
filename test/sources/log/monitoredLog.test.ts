import { type BatchInfo, type FetchEvent, fixedRate, foreachBatch, logBatches, memoryLog, string } from 'dstream';
import { faultyLog } from 'dstream/testing';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const options = { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() } as const;

describe('a log under monitors', () => {
  it('tells how far each partition has come, in records and in time', () => {
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 2 }, scheduler });
      const append = (partition: number, timestamps: readonly number[]) =>
        log.append(
          't',
          timestamps.map((timestamp) => ({ value: 'x', partition, timestamp })),
        );
      append(0, [1, 4, 2, 9]);
      append(1, [5]);
      const stream = logBatches(log, {
        ...options,
        backpressure: fixedRate(300),
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = stream.pipe(foreachBatch(() => timer(2))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 25);
    });
    expect(infos.map(({ inputs }) => inputs.log?.partitions)).toEqual([
      [
        { topic: 't', partition: 0, from: 0, until: 2, end: 4, lag: 2, newestTimestamp: 4, behind: 8 },
        { topic: 't', partition: 1, from: 0, until: 1, end: 1, lag: 0, newestTimestamp: 5, behind: 0 },
      ],
      [
        { topic: 't', partition: 0, from: 2, until: 4, end: 4, lag: 0, newestTimestamp: 9, behind: 0 },
        { topic: 't', partition: 1, from: 1, until: 1, end: 1, lag: 0, newestTimestamp: 5, behind: 0 },
      ],
    ]);
  });

  it('shows planned, committed and end of each partition in a snapshot', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      log.append(
        't',
        Array.from({ length: 5 }, () => ({ value: 'xyz', timestamp: 1 })),
      );
      const stream = logBatches(log, { ...options, backpressure: fixedRate(200), name: 'numbers' });
      const subscription = stream.pipe(foreachBatch(() => timer(3))).subscribe();
      for (const at of [12, 17]) scheduler.schedule(() => seen.push(stream.snapshot()?.inputs.log), at);
      scheduler.schedule(() => subscription.unsubscribe(), 18);
    });
    const log = { kind: 'logBatches', rate: 200 };
    const partition = { topic: 't', partition: 0, planned: 2, end: 5 };
    expect(seen).toMatchObject([
      { ...log, partitions: [{ ...partition, committed: 0, lag: 5, behind: undefined }] },
      { ...log, partitions: [{ ...partition, committed: 2, lag: 3, behind: 16 }] },
    ]);
  });

  it('tells of each request for records, and of one that fails', () => {
    const events: FetchEvent[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      log.append('t', [{ value: 'abc' }]);
      const faults = [{ delay: 4 }, { error: new Error('gone') }];
      const faulty = faultyLog(log, (call, count) => (call === 'fetch' ? faults[count] : undefined), scheduler);
      const monitors = [{ run: () => ({ fetched: (event: FetchEvent) => void events.push(event) }) }];
      logBatches(faulty, { ...options, monitors })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: () => {} });
      scheduler.schedule(() => log.append('t', [{ value: 'd' }]), 35);
      scheduler.schedule(() => {}, 60);
    });
    expect(events).toMatchObject([
      {
        source: 'log',
        broker: '',
        startTime: 10,
        duration: 4,
        throttleTime: 0,
        partitions: [{ topic: 't', offset: 0 }],
      },
      { source: 'log', bytes: 0, error: new Error('gone') },
    ]);
    expect(events[0]?.bytes).toBeGreaterThan(0);
    expect(events[0]).not.toHaveProperty('error');
  });
});
