import {
  type BatchInfo,
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  receiverBatches,
  TimedOutError,
  type WriteAheadLog,
} from 'dstream';
import { EMPTY, interval, NEVER, of, take, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { slowWriteAheadLog } from '../../support/slowWriteAheadLog.js';
import { virtual } from '../../support/virtual.js';

const hung: WriteAheadLog = {
  location: '/mnt/hung',
  // As a disk that is gone: closing does not answer either.
  open: () => of({ recovered: () => [], append: () => NEVER, release: () => EMPTY, close: () => NEVER }),
};

const hungStore: WriteAheadLog = {
  location: '/mnt/hung',
  open: () =>
    of({
      recovered: () => [],
      stored: () => [],
      read: () => Promise.reject(new Error('nothing was written')),
      append: () => NEVER,
      release: () => EMPTY,
      close: () => NEVER,
    }),
};

describe('a log that does not answer', () => {
  it.each([
    ['pushed', () => interval(7)],
    [
      'pulled',
      () =>
        (function* () {
          for (let i = 0; ; i++) yield i;
        })(),
    ],
  ])('fails the stream after storeTimeout, and its records are in the lag meanwhile: %s', (_, receiver) => {
    const infos: BatchInfo[] = [];
    const ended: unknown[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches<number>(receiver(), {
        interval: 1_000,
        maxQueue: 10_000,
        checkpoint: memoryCheckpoint(),
        writeAheadLog: hung,
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = stream
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: (error: unknown) => ended.push(scheduler.now(), error) });
      // Without a limit the stream would tick for ever, and virtual time would have no end.
      scheduler.schedule(() => subscription.unsubscribe(), 60_000);
    });
    const [time, error] = ended;
    expect(time).toBeGreaterThanOrEqual(30_000);
    expect(time).toBeLessThanOrEqual(31_000);
    expect(error).toBeInstanceOf(TimedOutError);
    expect(String(error)).toMatch(
      /^TimedOutError: writing records 0 to 1 to the write-ahead log \/mnt\/hung took longer than 30000 ms$/,
    );
    const last = infos.at(-1)?.inputs.receiver;
    expect(last?.lag).toBeGreaterThan(4_000);
    expect(last?.receiver?.unstoredRecords).toBe(last?.lag);
  });

  it('is waited for as long as storeTimeout says, write by write', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const log = slowWriteAheadLog(memoryWriteAheadLog(), () => ({ before: 90, after: 0, fails: false }));
      const stream = receiverBatches(interval(50), {
        interval: 100,
        storeTimeout: 100,
        checkpoint: memoryCheckpoint(),
        writeAheadLog: log,
      });
      const subscription = stream.pipe(foreachBatch((records) => void seen.push(...records))).subscribe();
      timer(1_001).subscribe(() => subscription.unsubscribe());
      expect(scheduler.now()).toBe(0);
    });
    expect(seen.length).toBeGreaterThan(15);
  });

  it('has a limit of at most what a timer can wait, or none', () => {
    const make = (storeTimeout: number) => () => receiverBatches(EMPTY, { interval: 100, storeTimeout });
    expect(make(0)).toThrow('storeTimeout (0)');
    expect(make(2 ** 31)).toThrow('what a timer can wait');
    expect(make(Infinity)).not.toThrow();
  });
});

describe('a block store that does not answer', () => {
  it('fails the stream after storeTimeout, and its records are in a figure meanwhile', async () => {
    const infos: BatchInfo[] = [];
    const ended = await new Promise<unknown>((resolve) => {
      receiverBatches<number>(
        ({ store }) => {
          for (let i = 0; i < 10; i++) store(i);
        },
        {
          interval: 5,
          storageLevel: 'disk',
          blockStore: hungStore,
          storeTimeout: 50,
          batchObserver: { next: (info) => infos.push(info) },
        },
      )
        // Without a limit nothing would ever happen.
        .pipe(
          foreachBatch(() => {}),
          take(1_000),
        )
        .subscribe({ error: resolve, complete: () => resolve('it goes on') });
    });
    expect(ended).toBeInstanceOf(TimedOutError);
    expect(String(ended)).toBe('TimedOutError: writing records 0 to 10 to /mnt/hung took longer than 50 ms');
    expect(infos.map(({ inputs }) => inputs.receiver?.receiver?.unstoredRecords)).toContain(10);
  });
});
