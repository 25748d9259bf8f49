import {
  type BatchInfo,
  type BatchRead,
  type FetchEvent,
  fixedRate,
  foreachBatch,
  json,
  logBatches,
  memoryLog,
  type RecordHeader,
  reduceBatch,
  string,
} from 'dstream';
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
        received: [{ topic: 't', partition: 0, from: 0, until: 1 }],
      },
      { source: 'log', bytes: 0, received: [], error: new Error('gone') },
    ]);
    expect(events[0]?.bytes).toBeGreaterThan(0);
    expect(events[0]).not.toHaveProperty('error');
  });

  it('counts skipped records by reason', () => {
    const infos: BatchInfo[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      log.append('t', [{ value: '1' }, { value: 'oops' }, { value: '2' }]);
      const stream = logBatches(log, {
        ...options,
        deserialize: json<number>(),
        invalidRecords: 'skip',
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = stream.pipe(foreachBatch(() => {})).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 25);
    });
    expect(infos.map(({ inputs }) => [inputs.log?.skipped, inputs.log?.skippedBy])).toEqual([
      [1, { deserialization: 1 }],
      [undefined, undefined],
    ]);
  });

  it.each([
    ['eagerly', true],
    ['lazily', false],
  ])('hands the traceparent headers of records that are decoded %s to a monitor that asks for them', (_, eager) => {
    const found: (readonly string[])[] = [];
    const parent = (name: string): RecordHeader => ['traceparent', new TextEncoder().encode(name)];
    const run = (maxTraceParents: number | undefined) =>
      virtual((scheduler) => {
        const log = memoryLog({ topics: { t: 1 }, scheduler });
        for (const name of ['one', 'one', 'two', 'three', 'four']) {
          log.append('t', [{ value: 'x'.repeat(100), headers: [['other', null], parent(name)] }]);
        }
        const asking = { ...(maxTraceParents !== undefined && { maxTraceParents }) };
        const read = ({ traceParents }: BatchRead) => void found.push(traceParents);
        const stream = logBatches(log, { ...options, monitors: [{ run: () => ({ ...asking, read }) }] });
        const out = eager
          ? stream.pipe(foreachBatch(() => {}))
          : stream.pipe(
              reduceBatch((a) => a),
              foreachBatch(() => {}),
            );
        const subscription = out.subscribe();
        scheduler.schedule(() => subscription.unsubscribe(), 15);
      });
    run(3);
    run(undefined);
    expect(found).toEqual([['one', 'two', 'three'], []]);
  });
});
