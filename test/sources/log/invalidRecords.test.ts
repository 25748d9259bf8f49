import { foreachBatch, type InvalidRecord, json, logBatches, memoryLog } from 'dstream';
import { map, Observable, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** Reads a good and a bad record, and notes what happens, when, and what is committed then. */
function read(next: (record: InvalidRecord, note: (line: string) => void) => unknown): readonly string[] {
  const lines: string[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    log.append('t', [{ value: '1' }, { value: 'oops' }, { value: '{' }]);
    const committed = () => log.committedOffset('g', 't', 0);
    const note = (line: string) => void lines.push(`${scheduler.now()} ${line} committed ${committed()}`);
    const options = { topics: ['t'], groupId: 'g', start: 'earliest', interval: 10 } as const;
    const stream = logBatches(log, {
      ...options,
      deserialize: json<number>(),
      invalidRecords: { next: (record) => next(record, note) },
      batchObserver: { next: ({ time }) => note(`completed ${time}`) },
    });
    const subscription = stream
      .pipe(foreachBatch((records) => note(`output ${JSON.stringify(records)}`)))
      .subscribe({ error: (error: Error) => note(`failed ${error.message}`) });
    scheduler.schedule(() => subscription.unsubscribe(), 95);
  });
  return lines.filter((line) => !line.includes('[]') && !/completed [2-9]/.test(line));
}

describe('an Observer of invalid records', () => {
  it('holds its batch until what it returned has settled, all of it side by side', () => {
    const lines = read(({ offset }, note) => timer(offset * 10).pipe(map(() => note(`written ${offset}`))));
    expect(lines).toEqual([
      '20 written 1 committed undefined',
      '30 written 2 committed undefined',
      '30 output [1] committed undefined',
      '30 completed 10 committed 3',
    ]);
  });

  it('fails the stream when what it returned fails, and nothing is committed', () => {
    const lines = read(({ offset }) => (offset === 1 ? throwError(() => new Error('Kafka is away')) : timer(5)));
    expect(lines).toEqual(['10 failed Kafka is away committed undefined']);
  });

  it('fails the stream when it throws', () => {
    const lines = read(() => {
      throw new Error('disk full');
    });
    expect(lines).toEqual(['10 failed disk full committed undefined']);
  });

  it('may return anything else', () => {
    const letters: number[] = [];
    expect(read(({ offset }) => letters.push(offset))).toEqual([
      '10 output [1] committed undefined',
      '10 completed 10 committed 3',
    ]);
    expect(letters).toEqual([1, 2]);
  });

  it('is left when the subscriber leaves', () => {
    let left = 0;
    read(() => new Observable(() => () => void left++));
    expect(left).toBe(2);
  });

  it('lets no rejection go unhandled', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: '{' }, { value: '{' }]);
    const error = await new Promise((failed) => {
      logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 5,
        deserialize: json<number>(),
        invalidRecords: { next: async () => Promise.reject(new Error('away')) },
      })
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: failed });
    });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect([error, unhandled]).toEqual([new Error('away'), []]);
  });
});
