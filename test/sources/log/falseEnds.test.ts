import { fixedRate, foreachBatch, type LogClient, logBatches, memoryLog, string } from 'dstream';
import { from, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

/** How far a flipped bit moves an end. */
const flips = [2 ** 21, 2 ** 31, 2 ** 52];
const interval = 100;

/**
 * Reads a log that gets a record every 50 ms for 1 s. The answer to each question number `at`, of a fetch or for ends, has an end that
 * is further by `by`, as if a bit had been flipped on the way.
 */
function read(question: 'fetch' | 'offsets', by: number, at: readonly number[]) {
  const memory = memoryLog({ topics: { t: 1 } });
  let asked = 0;
  const isFalse = () => at.includes(asked++);
  const log: LogClient = {
    name: memory.name,
    connect: () => memory.connect(),
    partitions: (...args) => memory.partitions(...args),
    committed: (groupId, partitions) => memory.committed(groupId, partitions),
    commit: (groupId, positions) => memory.commit(groupId, positions),
    close: () => memory.close(),
    fetch: (...args) =>
      from(memory.fetch(...args)).pipe(
        map((found) =>
          question === 'fetch' && isFalse() ? found.map((one) => ({ ...one, latest: one.latest + by })) : found,
        ),
      ),
    offsets: (partitions, point) =>
      from(memory.offsets(partitions, point)).pipe(
        map((found) =>
          question === 'offsets' && point === 'latest' && isFalse()
            ? found.map((one) => ({ ...one, offset: one.offset + by }))
            : found,
        ),
      ),
  };
  const values: (string | null)[] = [];
  const errors: unknown[] = [];
  const ends: number[] = [];
  virtual((scheduler) => {
    for (let i = 0; i < 20; i++) scheduler.schedule(() => memory.append('t', [{ value: `v${i}` }]), 1 + 50 * i);
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval,
      deserialize: string(),
      backpressure: fixedRate(1_000_000),
      batchObserver: { next: ({ inputs }) => ends.push(...(inputs.log?.partitions?.map(({ until }) => until) ?? [])) },
    });
    const subscription = stream
      .pipe(foreachBatch((records) => void values.push(...records)))
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.schedule(() => subscription.unsubscribe(), 2_000);
  });
  return { values, errors, asked, end: Math.max(...ends) };
}

const all = Array.from({ length: 20 }, (_, i) => `v${i}`);

describe('an end of a log that is false in one answer', () => {
  it.each(flips.flatMap((by) => [['fetch', by] as const, ['offsets', by] as const]))(
    'of %s, %d records too far, plans no record that is not there',
    (question, by) => {
      const { asked } = read(question, by, []);
      expect(asked).toBeGreaterThan(4);
      // The first end of all is believed: nothing is known to compare it with.
      for (let at = 1; at < asked; at++) {
        const { values, errors, end } = read(question, by, [at]);
        expect({ at, errors, values, end }).toEqual({ at, errors: [], values: all, end: 20 });
      }
    },
  );
});

describe('a log that has grown far since it was heard', () => {
  it('is read', () => {
    const memory = memoryLog({ topics: { t: 1 } });
    const count = 2 ** 20 + 10;
    let seen = 0;
    virtual((scheduler) => {
      scheduler.schedule(
        () =>
          memory.append(
            't',
            Array.from({ length: count }, () => ({ value: '' })),
          ),
        250,
      );
      const stream = logBatches(memory, { topics: ['t'], start: 'earliest', interval, deserialize: string() });
      const subscription = stream
        .pipe(
          foreachBatch(({ length }) => {
            seen += length;
          }),
        )
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 2_000);
    });
    expect(seen).toBe(count);
  });
});
