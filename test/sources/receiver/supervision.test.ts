import {
  type BatchInfo,
  foreachBatch,
  InvalidOptionError,
  type Receiver,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  type ReceiverStatus,
  type RestartOptions,
  receiverBatches,
} from 'dstream';
import { Observable, Subject, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** Runs until `end`; returns the times of starts, what the status Observer received and how the stream ended. */
function supervised(
  receiver: (start: number, at: number) => Observable<unknown>,
  restart: RestartOptions | number,
  end = 60_000,
  more: Partial<ReceiverBatchesOptions> = {},
) {
  const starts: number[] = [];
  const statuses: string[] = [];
  const records: unknown[] = [];
  let ended: unknown;
  virtual((scheduler) => {
    const stream = receiverBatches(
      () => {
        starts.push(scheduler.now());
        return receiver(starts.length, scheduler.now());
      },
      {
        interval: 100,
        restart,
        statusObserver: {
          next: ({ state, restarts, retryAt, error, since }) => {
            const details = [restarts, retryAt, error && String(error)].filter((detail) => detail !== undefined);
            statuses.push(`${since} ${state} ${details.join(' ')}`.trim());
          },
        },
        ...more,
      },
    );
    const subscription = stream.pipe(foreachBatch((values) => void records.push(...values))).subscribe({
      error: (error: unknown) => {
        ended = error;
      },
      complete: () => {
        ended = 'complete';
      },
    });
    scheduler.schedule(() => subscription.unsubscribe(), end);
  });
  return { starts, statuses, records, ended };
}

const lost = () => throwError(() => new Error('lost'));
const gaps = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] as number));

describe('a receiver that is started again', () => {
  it('waits longer after each failure in a row, up to maxDelay', () => {
    const { starts } = supervised(lost, { delay: 100, maxDelay: 1_000 }, 5_000);
    expect(gaps(starts)).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it('waits always the same with a number', () => {
    const { starts } = supervised(lost, 100, 450);
    expect(starts).toEqual([0, 100, 200, 300, 400]);
  });

  it('shortens delays by a random share', () => {
    const { starts } = supervised(lost, { delay: 100, maxDelay: 800, jitter: 0.5, random: () => 0.5 }, 2_000);
    expect(gaps(starts)).toEqual([75, 150, 300, 600, 600]);
  });

  it('fails the stream with the last error after so many restarts in a row', () => {
    let failures = 0;
    const { starts, ended, statuses } = supervised(() => throwError(() => new Error(`lost ${++failures}`)), {
      delay: 100,
      count: 2,
    });
    expect(starts).toHaveLength(3);
    expect(ended).toEqual(new Error('lost 3'));
    expect(statuses.at(-1)).toBe('300 failed 2 Error: lost 3');
  });

  it('forgets failures once it has been running for resetAfter', () => {
    const receiver = (start: number) =>
      new Observable((subscriber) => {
        subscriber.next(start);
        // The third start runs for long enough.
        const after = timer(start === 3 ? 2_000 : 10).subscribe(() => subscriber.error(new Error('lost')));
        return () => after.unsubscribe();
      });
    const { starts } = supervised(receiver, { delay: 100, count: 3, resetAfter: 2_000 }, 4_000);
    expect(gaps(starts)).toEqual([110, 210, 2_100, 210, 410]);
  });

  it('is started again when its peer has closed, if onClose says so', () => {
    const receiver = (start: number) =>
      new Observable((subscriber) => {
        subscriber.next(start);
        subscriber.complete();
      });
    const again = supervised(receiver, { delay: 100, onClose: 'restart' }, 350);
    expect(again.starts).toEqual([0, 100, 300]);
    expect(again.records).toEqual([1, 2]);
    const once = supervised(receiver, { delay: 100 });
    expect([once.starts, once.ended]).toEqual([[0], 'complete']);
  });

  it('completes with the last close when it is not started again any more', () => {
    const { starts, ended } = supervised(() => new Observable((subscriber) => subscriber.complete()), {
      delay: 100,
      onClose: 'restart',
      count: 1,
    });
    expect([starts, ended]).toEqual([[0, 100], 'complete']);
  });

  it('has a status at every moment, with the last error', () => {
    const receiver = (start: number) =>
      new Observable((subscriber) => {
        const first = timer(30).subscribe(() => {
          subscriber.next(start);
          if (start === 1) subscriber.error(new Error('reset'));
        });
        return () => first.unsubscribe();
      });
    const { statuses } = supervised(receiver, { delay: 100 }, 300);
    expect(statuses).toEqual([
      '0 connecting 0',
      '30 running 0',
      '30 waiting 1 130 Error: reset',
      '130 connecting 1 Error: reset',
      '160 running 1 Error: reset',
      '300 stopped 1 Error: reset',
    ]);
  });

  it('tells its status in BatchInfo, to monitors and in snapshots', () => {
    const infos: BatchInfo[] = [];
    const told: string[] = [];
    const snapshots: unknown[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<number>(
        (sink) => {
          sink.connected();
          sink.reportError(new Error('a bad frame'));
          sink.store(1);
        },
        {
          interval: 100,
          batchObserver: { next: (info) => infos.push(info) },
          monitors: [{ run: () => ({ receiver: ({ source, state }) => void told.push(`${source} ${state}`) }) }],
        },
      );
      const subscription = stream.subscribe();
      scheduler.schedule(() => snapshots.push(stream.snapshot()?.inputs.receiver?.receiver), 50);
      scheduler.schedule(() => subscription.unsubscribe(), 150);
    });
    const receivers = [{ index: 0, state: 'running', since: 0, restarts: 0, error: new Error('a bad frame') }];
    expect(infos[0]?.inputs.receiver?.receiver).toMatchObject({ queuedRecords: 0, unstoredRecords: 0, receivers });
    expect(snapshots).toMatchObject([{ queuedRecords: 1, queuedBytes: 8, receivers }]);
    expect(told).toEqual(['receiver connecting', 'receiver running', 'receiver running', 'receiver stopped']);
  });

  it('fails the stream with what statusObserver throws', () => {
    const { ended } = supervised(lost, { delay: 100 }, 1_000, {
      statusObserver: {
        next: ({ state }: ReceiverStatus) => {
          if (state === 'waiting') throw new Error('enough');
        },
      },
    });
    expect(ended).toEqual(new Error('enough'));
  });

  it('refuses by name what can be consumed only once', () => {
    const of = (receiver: unknown, more: Partial<ReceiverBatchesOptions>) => () =>
      receiverBatches(receiver as Receiver<unknown>, { interval: 100, ...more });
    function* numbers() {
      yield 1;
    }
    class Socket {
      pipe() {}
      on() {}
      async *[Symbol.asyncIterator]() {}
    }
    const once: readonly (readonly [unknown, string])[] = [
      [numbers(), 'Generator'],
      [new ReadableStream(), 'ReadableStream'],
      [new Socket(), 'Socket'],
      [Promise.resolve(1), 'Promise'],
    ];
    for (const [receiver, name] of once) {
      expect(of(receiver, { restart: 100 }), name).toThrow(InvalidOptionError);
      expect(of(receiver, { restart: 100 })).toThrow(
        `receiverBatches: receiver ("${name}") can be consumed only once, and restart is set: pass a function`,
      );
      expect(of(receiver, { receivers: 2 })).toThrow('and receivers is set');
      expect(of(receiver, {})).not.toThrow();
      expect(of(() => receiver, { restart: 100 })).not.toThrow();
    }
    expect(of([1, 2], { restart: 100 })).not.toThrow();
  });

  it('refuses restart options out of range', () => {
    const make = (restart: RestartOptions | number) => () => receiverBatches([], { interval: 100, restart });
    expect(make(0)).toThrow('restart (0) must be a finite number greater than 0');
    expect(make({ delay: 0 })).toThrow('restart.delay (0)');
    expect(make({ delay: 100, maxDelay: 50 })).toThrow('restart.maxDelay (50) must be at least restart.delay (100)');
    expect(make({ maxDelay: 2 ** 31 })).toThrow('what a timer can wait');
    expect(make({ jitter: 1.5 })).toThrow('restart.jitter (1.5) must be at most 1');
    expect(make({ count: -1 })).toThrow('restart.count (-1)');
    expect(make({ resetAfter: 0 })).toThrow('restart.resetAfter (0)');
    expect(make({ onClose: 'stop' as 'restart' })).toThrow('restart.onClose ("stop")');
    expect(() => receiverBatches([], { interval: 100, restart: 10, restartDelay: 10 })).toThrow('restartDelay (10)');
  });
});

describe('several receivers', () => {
  it('are one source, each started again by itself, and it ends with the last one', () => {
    const sinks: ReceiverSink<string>[] = [];
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<string>(
        (sink) => {
          sinks[sink.index] = sink;
        },
        {
          interval: 100,
          receivers: 3,
          restart: { delay: 20 },
        },
      );
      stream.pipe(foreachBatch((records) => void seen.push([...records]))).subscribe({
        complete: () => seen.push('complete'),
      });
      for (const sink of sinks) sink.store(`from ${sink.index}`);
      scheduler.schedule(() => sinks[1]?.fail(new Error('lost')), 110);
      scheduler.schedule(() => sinks[1]?.store('again from 1'), 150);
      scheduler.schedule(() => {
        for (const sink of sinks) sink.complete();
      }, 210);
    });
    expect(seen).toEqual([['from 0', 'from 1', 'from 2'], ['again from 1'], 'complete']);
  });

  it('are left when one of them fails for good', () => {
    const subjects = [new Subject<number>(), new Subject<number>()];
    let started = 0;
    let ended: unknown;
    virtual((scheduler) => {
      receiverBatches(() => subjects[started++] as Subject<number>, { interval: 100, receivers: 2 }).subscribe({
        error: (error: unknown) => {
          ended = error;
        },
      });
      scheduler.schedule(() => subjects[0]?.error(new Error('lost')), 10);
      scheduler.schedule(() => expect(subjects[1]?.observed).toBe(false), 20);
    });
    expect(ended).toEqual(new Error('lost'));
  });
});
