import {
  type BatchFormation,
  type BatchInfo,
  batchesFrom,
  concatMapBatch,
  foreachBatch,
  fromBatches,
  LateHoldError,
  type LogClient,
  logSource,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  string,
  UnclaimedBatchError,
} from 'dstream';
import {
  delay,
  EMPTY,
  finalize,
  map,
  merge,
  observeOn,
  retry,
  type SchedulerLike,
  share,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { collect, scripted } from '../support/scripted.js';
import { virtual } from '../support/virtual.js';

describe('completion by holds', () => {
  it('waits for the slowest of several outputs through share()', () => {
    const infos: BatchInfo[] = [];
    const { log, stream } = scripted({ count: 1 });
    virtual(() => {
      const shared = stream({ batchObserver: { next: (info) => infos.push(info) } }).pipe(share());
      merge(
        shared.pipe(foreachBatch(() => timer(3))),
        shared.pipe(foreachBatch(() => timer(7))),
        shared.pipe(
          mapRecords((n) => n),
          foreachBatch(() => {}),
        ),
      ).subscribe();
    });
    expect(infos.map((info) => [info.time, info.processingEndTime])).toEqual([[10, 17]]);
    expect(log.committed).toEqual([1]);
  });

  it('lets a later output take its hold before an earlier one lets go', () => {
    const infos: BatchInfo[] = [];
    virtual(() => {
      scripted({ count: 1 })
        .stream({ batchObserver: { next: (info) => infos.push(info) } })
        .pipe(
          foreachBatch(() => timer(3)),
          foreachBatch(() => timer(4)),
          concatMapBatch((records) => timer(2).pipe(map(() => records))),
          foreachBatch(() => timer(1)),
        )
        .subscribe();
    });
    expect(infos.map((info) => info.processingEndTime)).toEqual([20]);
  });

  it('commits only the unbroken run of complete batches when effects overlap', () => {
    const { log, stream } = scripted({ records: (i) => [[25, 1, 1][i] ?? 0] });
    const events: unknown[] = [];
    virtual((scheduler) => {
      stream({ concurrentBatches: 3 })
        .pipe(foreachBatch(([ms]) => timer(ms ?? 0).pipe(map(() => events.push([scheduler.now(), 'effect'])))))
        .subscribe({ complete: () => events.push([scheduler.now(), [...log.committed]]) });
      scheduler.schedule(() => events.push([scheduler.now(), [...log.committed]]), 34);
    });
    expect(events).toEqual([
      [21, 'effect'],
      [31, 'effect'],
      [34, []],
      [35, 'effect'],
      [40, [1, 2, 3]],
    ]);
  });

  it('fails the stream, for all branches, when one output fails, and commits nothing of the batch', () => {
    const { log, stream } = scripted();
    const events: unknown[] = [];
    virtual(() => {
      const shared = stream().pipe(share());
      const boom = (i: number | undefined) => (i === 1 ? throwError(() => 'boom') : EMPTY);
      collect(shared.pipe(foreachBatch(([i]) => boom(i))), events, () => 'a');
      collect(shared.pipe(foreachBatch(() => {})), events, () => 'b');
    });
    expect(events).toEqual(['a', 'b', 'boom', 'boom']);
    expect(log).toMatchObject({ committed: [1], closed: 1 });
  });

  it('fails the stream when a user function throws', () => {
    const { log, stream } = scripted();
    const events: unknown[] = [];
    virtual(() => {
      const shared = stream().pipe(share());
      const thrower = mapRecords((n: number) => {
        if (n === 1) throw 'thrown';
        return n;
      });
      collect(shared.pipe(foreachBatch(() => {})), events, () => 'a');
      collect(shared.pipe(thrower), events, () => 'b');
    });
    expect(events.filter((event) => event === 'thrown')).toHaveLength(2);
    expect(log.committed).toEqual([1]);
  });

  it('aborts what is open when unsubscribed: nothing more is committed, the source is closed', () => {
    const { log, stream } = scripted();
    let aborted = false;
    virtual((scheduler) => {
      const effect = timer(1_000).pipe(finalize(() => (aborted = true)));
      const subscription = stream()
        .pipe(foreachBatch(() => effect))
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 15);
    });
    expect(aborted).toBe(true);
    expect(log).toMatchObject({ committed: [], closed: 1, fetched: [0] });
  });

  it('fails with AbandonedBatchError when one of several outputs is unsubscribed before its effect settled', () => {
    const { log, stream } = scripted();
    const events: unknown[] = [];
    virtual((scheduler) => {
      const shared = stream().pipe(share());
      const leaving = shared.pipe(foreachBatch(() => timer(8))).subscribe();
      collect(shared.pipe(foreachBatch(() => {})), events, () => 'b');
      scheduler.schedule(() => leaving.unsubscribe(), 15);
    });
    expect(events).toEqual(['b', 'ABANDONED_BATCH']);
    expect(log.committed).toEqual([]);
  });
});

describe('unclaimed and late batches', () => {
  it('refuses to lose a batch that nobody claimed', () => {
    const { log, stream } = scripted();
    const events: unknown[] = [];
    virtual(() => collect(stream().pipe(mapRecords((n) => n)), events, () => 'next'));
    expect(events).toEqual(['next', 'UNCLAIMED_BATCH']);
    expect(log.committed).toEqual([]);
    expect(new UnclaimedBatchError(10).message).toContain('time 10');
  });

  it('completes unclaimed batches when told so, or when the source keeps no progress', () => {
    const events: unknown[] = [];
    const durable = scripted();
    virtual(() => collect(durable.stream({ unclaimed: 'complete' }), events, ({ context }) => context.time));
    expect(durable.log.committed).toEqual([1, 2, 3]);
    virtual(() => collect(scripted({ durable: false }).stream(), events, ({ context }) => context.time));
    expect(events).toEqual([10, 20, 30, 'complete', 10, 20, 30, 'complete']);
  });

  it('says so when an asynchronous operator without a hold stands before an output', () => {
    const events: unknown[] = [];
    virtual(() =>
      collect(
        scripted()
          .stream({ unclaimed: 'complete' })
          .pipe(
            delay(3),
            foreachBatch(() => {}),
          ),
        events,
        () => 'next',
      ),
    );
    expect(events).toEqual(['LATE_HOLD']);
    const observed: unknown[] = [];
    virtual((scheduler) =>
      collect(
        scripted()
          .stream({ unclaimed: 'complete' })
          .pipe(
            observeOn(scheduler, 3),
            foreachBatch(() => {}),
          ),
        observed,
        () => 'next',
      ),
    );
    expect(observed).toEqual(['LATE_HOLD']);
    expect(new LateHoldError(10).message).toContain('concatMapBatch');
  });
});

describe('time', () => {
  it('gives a batch at every tick, empty ones too, aligned to the interval', () => {
    const events: unknown[] = [];
    virtual((scheduler) => {
      scheduler.schedule(() => {
        collect(scripted({ durable: false, records: () => [] }).stream(), events, ({ context, records }) => [
          scheduler.now(),
          context.time,
          records.length,
        ]);
      }, 7);
    });
    expect(events).toEqual([[10, 10, 0], [20, 20, 0], [30, 30, 0], 'complete']);
  });

  it('fires missed ticks with their nominal times', () => {
    const times: unknown[] = [];
    virtual((scheduler) => {
      const late = {
        now: () => scheduler.now() * (scheduler.now() > 15 ? 3 : 1),
        schedule: scheduler.schedule.bind(scheduler),
      };
      const { stream } = scripted({ durable: false, count: 6 });
      stream({ scheduler: late as never }).subscribe(({ context }) => times.push([scheduler.now(), context.time]));
    });
    expect(times).toEqual([
      [10, 10],
      [20, 20],
      [20, 30],
      [20, 40],
      [20, 50],
      [20, 60],
    ]);
  });

  it('looks at what is in flight only if the controller asks, not at every missed tick', () => {
    const looked: number[] = [];
    for (const asks of [false, true]) {
      let looks = 0;
      const { stream, log } = scripted({ count: 100, look: () => looks++, fetchDelay: () => 1_000 });
      virtual((scheduler) => {
        const late = { now: () => scheduler.now() * 100, schedule: scheduler.schedule.bind(scheduler) } as never;
        const rate = ({ inFlight: _, ...formation }: BatchFormation) => formation.lag;
        const backpressure = () => ({ completed: () => {}, rate: asks ? rate : () => 1 });
        const subscription = stream({ scheduler: late, backpressure }).subscribe();
        scheduler.schedule(() => subscription.unsubscribe(), 20);
      });
      expect(log.fetched).toEqual([0]);
      looked.push(looks);
    }
    // Once each, when it is planned.
    expect(looked[0]).toBe(100);
    expect(looked[1]).toBeGreaterThan(1_000);
  });

  it('counts a slow fetch as processing, and overload as scheduling delay', () => {
    const infos: BatchInfo[] = [];
    virtual(() => {
      scripted({ fetchDelay: () => 12 })
        .stream({ batchObserver: { next: (info) => infos.push(info) } })
        .pipe(foreachBatch(() => timer(3)))
        .subscribe();
    });
    expect(infos.map((i) => [i.schedulingDelay, i.fetchDelay, i.processingDelay, i.totalDelay])).toEqual([
      [0, 12, 15, 15],
      [5, 12, 15, 20],
      [10, 12, 15, 25],
    ]);
  });
});

describe('failure and retry', () => {
  it('replays a batch for every output through share(), not for the first alone', () => {
    const events: unknown[] = [];
    let failures = 1;
    virtual((scheduler) => {
      const checkpoint = memoryCheckpoint();
      const shared = fromBatches([[0]], { interval: 10, checkpoint, scheduler }).pipe(share());
      const first = shared.pipe(foreachBatch((records) => void events.push(['first', ...records])));
      const second = shared.pipe(
        foreachBatch((records) => {
          if (failures-- > 0) throw 'failed';
          events.push(['second', ...records]);
        }),
      );
      merge(first, second).pipe(retry(1)).subscribe();
    });
    expect(events).toEqual([
      ['first', 0],
      ['first', 0],
      ['second', 0],
    ]);
  });

  it('restarts from what was committed when the stream is retried after a fetch error', () => {
    let failures = 1;
    const { log, stream } = scripted({ fail: (i) => (i === 1 && failures-- > 0 ? 'unreachable' : undefined) });
    const seen: unknown[] = [];
    virtual(() => {
      stream()
        .pipe(
          foreachBatch((records) => {
            seen.push(...records);
          }),
          retry(2),
        )
        .subscribe();
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(log).toMatchObject({ opened: 2, closed: 2, committed: [1, 2, 3] });
  });
});

describe('several sources', () => {
  const log = () => {
    const topics = memoryLog({ topics: { a: 1, b: 1 } });
    for (const topic of ['a', 'b']) topics.append(topic, [{ value: `${topic}1` }, { value: `${topic}2` }]);
    return topics;
  };
  const sources = (client: LogClient) => {
    const of = (topic: string) =>
      logSource(client, {
        topics: [topic],
        start: 'earliest',
        groupId: 'g',
        deserialize: string(),
        maxRatePerPartition: 100,
      });
    return { a: of('a'), b: of('b') };
  };

  it.each([
    ['was never listened to', undefined],
    ['was left', 'leaves'],
  ])('lose nothing of one that %s while the other goes on', (_, second) => {
    const client = log();
    const events: unknown[] = [];
    virtual((scheduler) => {
      const { a, b } = batchesFrom(sources(client), { interval: 10, scheduler });
      collect(a.pipe(foreachBatch(() => {})), events, ({ records }) => records);
      const failing = b.pipe(
        map(() => {
          throw 'not ours';
        }),
      );
      if (second) collect(failing, events, () => 'passed on');
    });
    expect(events).toEqual([['a1'], ...(second ? ['not ours'] : []), 'UNCLAIMED_BATCH']);
    expect(client.committedOffset('g', 'b', 0)).toBeUndefined();
  });

  it('let one go when told so', () => {
    const client = log();
    const events: unknown[] = [];
    virtual((scheduler) => {
      const { a } = batchesFrom(sources(client), { interval: 10, scheduler, unclaimed: 'complete' });
      collect(a.pipe(foreachBatch(() => {})), events, ({ records }) => records);
      scheduler.schedule(() => void a.stop(), 25);
    });
    expect(events).toEqual([['a1'], ['a2'], 'complete']);
  });
});

it('begins with the batch after the zero time, however the clock moves meanwhile', () => {
  const seen: number[] = [];
  virtual((scheduler) => {
    // A clock that moves by a millisecond each time somebody looks at it.
    let looks = 0;
    const restless = {
      now: () => scheduler.now() + looks++,
      schedule: (...args: Parameters<SchedulerLike['schedule']>) => scheduler.schedule(...args),
    } as SchedulerLike;
    for (let i = 0; i < 50; i++) {
      scripted({ count: 1 })
        .stream({ interval: 2, scheduler: restless })
        .pipe(foreachBatch((_, { time, zeroTime }) => void seen.push(time - zeroTime)))
        .subscribe();
    }
  });
  expect(seen).toEqual(new Array(50).fill(2));
});
