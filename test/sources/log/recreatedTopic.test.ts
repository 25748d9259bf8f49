import { foreachBatch, type LogClient, logBatches, type MemoryLog, memoryCheckpoint, memoryLog, string } from 'dstream';
import { delay, from, timer } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';
import { withoutIdentity } from '../../support/withoutIdentity.js';

const records = (name: string, count: number) => Array.from({ length: count }, (_, i) => ({ value: `${name}${i}` }));

/** A topic of 100 records, of which 10 a batch are read while every batch takes 2.5 intervals, so that plans pile up. */
function setup(offsetOutOfRange: 'earliest' | 'latest', latency = 0, as: (log: MemoryLog) => LogClient = (log) => log) {
  const log = memoryLog({ topics: { t: 1 } });
  log.append('t', records('old', 100));
  const checkpoint = memoryCheckpoint();
  const events: unknown[] = [];
  const run = (scheduler: TestScheduler, until: number) => {
    // What is on its way is as the log was when it was asked.
    const fetch: LogClient['fetch'] = (...call) => from(log.fetch(...call)).pipe(delay(latency, scheduler));
    const methods = ['connect', 'partitions', 'offsets', 'committed', 'commit', 'close'] as const;
    const bound = Object.fromEntries(methods.map((method) => [method, log[method].bind(log)]));
    const stream = logBatches(
      latency === 0 ? as(log) : ({ name: 'slow log', ...bound, fetch } as unknown as LogClient),
      {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: string(),
        offsetOutOfRange,
        maxRatePerPartition: 1_000,
        maxBufferedBytes: 1,
        checkpoint,
      },
    );
    const output = foreachBatch<string | null>((batch) => {
      events.push(...batch);
      return timer(25);
    });
    const subscription = stream.pipe(output).subscribe({ error: (error) => events.push(error) });
    scheduler.schedule(() => subscription.unsubscribe(), until);
  };
  const makeAnew = (count: number) => {
    log.deleteTopic('t');
    log.createTopic('t');
    log.append('t', records('new', count));
  };
  return { log, events, run, makeAnew };
}

const old = (count: number) => records('old', count).map(({ value }) => value);
const fresh = (from: number, until: number) =>
  records('new', until)
    .slice(from)
    .map(({ value }) => value);

describe('a topic that is recreated while ranges of it wait to be read', () => {
  it('is read from its beginning, and no batch waits for what is gone', () => {
    for (const count of [0, 5, 10]) {
      const { events, run, makeAnew } = setup('earliest');
      virtual((scheduler) => {
        run(scheduler, 500);
        scheduler.schedule(() => makeAnew(count), 33);
      });
      expect(events).toEqual([...old(11), ...fresh(0, count)]);
    }
  });

  it('is read on where the old one was as long as it cannot be told from it, then from its beginning', () => {
    const { events, run, makeAnew } = setup('earliest', 0, withoutIdentity);
    virtual((scheduler) => {
      run(scheduler, 500);
      scheduler.schedule(() => makeAnew(25), 33);
    });
    expect(events).toEqual([...old(11), ...fresh(11, 20), ...fresh(0, 25)]);
  });

  it('is read from its beginning where topics have ids, however many records it has', () => {
    const { events, run, makeAnew } = setup('earliest');
    virtual((scheduler) => {
      run(scheduler, 500);
      scheduler.schedule(() => makeAnew(25), 33);
    });
    expect(events).toEqual([...old(11), ...fresh(0, 25)]);
  });

  it('is read from its end when told so', () => {
    const { log, events, run, makeAnew } = setup('latest');
    virtual((scheduler) => {
      run(scheduler, 2_000);
      scheduler.schedule(() => makeAnew(5), 33);
      scheduler.schedule(() => void log.append('t', [{ value: 'later' }]), 500);
    });
    expect(events).toEqual([...old(11), 'later']);
  });

  it('is read from its beginning also when ranges of the old one are to be replayed', () => {
    const { events, run, makeAnew } = setup('earliest');
    virtual((scheduler) => {
      run(scheduler, 45);
      scheduler.schedule(() => {
        makeAnew(5);
        run(scheduler, 500);
      }, 50);
    });
    expect(events).toEqual([...old(20), ...fresh(0, 5)]);
  });

  it('is read from its beginning also when an answer of the old one comes later', () => {
    const { events, run, makeAnew } = setup('earliest', 8);
    virtual((scheduler) => {
      run(scheduler, 500);
      scheduler.schedule(() => makeAnew(5), 37);
    });
    const given = events.map(String);
    expect(given.filter((value) => value.startsWith('new'))).toEqual(fresh(0, 5));
    const before = given.filter((value) => value.startsWith('old'));
    expect(given).toEqual([...old(before.length), ...fresh(0, 5)]);
  });
});
