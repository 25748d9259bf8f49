import { aggregateByEventWindow, eventTime, filterRecords, mapRecords } from 'dstream';
import { count } from 'dstream/aggregators';
import { MarbleMismatchError, type RunBatchesOptions, runBatches } from 'dstream/testing';
import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

/** The lines of the message of a test that must fail. */
function messageOf(test: Parameters<typeof runBatches>[0], options?: RunBatchesOptions): readonly string[] {
  try {
    runBatches(test, options);
  } catch (error) {
    if (error instanceof MarbleMismatchError) return error.message.split('\n');
    throw error;
  }
  throw new Error('the test passed');
}

describe('runBatches', () => {
  it('asserts the subscriptions to a stream of batches', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches('  -a-b-c-|');
      const subs = '            ^---!   ';
      const unsub = '           ----!   ';
      const expected = '        -a-b----';
      expectBatches(source.pipe(mapRecords((letter) => letter)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('takes a letter without a value for a batch with that one record, also where it is expected', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('  -a-b-|', { b: ['b', 'c'] });
      const expected = '        -a-x-|';
      expectBatches(source).toBe(expected, { x: ['b', 'c'] });
    });
  });

  it('takes partitions for those of a log: each has offsets and a watermark of its own', () => {
    runBatches(({ batches, expectBatches, flush }) => {
      const values = {
        a: { partitions: [[25], [3]] },
        b: { partitions: [[27, 8], [9]] },
        c: { partitions: [[], [31]] },
      };
      const source = batches<number>('-a-b-c-|', values);
      const expected = '              -m-n-o-|';
      const counted = source.pipe(
        eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
        aggregateByEventWindow(count(), { window: 10 }),
      );
      // 8 is late in its partition, and 9 is not in the other.
      expectBatches(counted).toBe(expected, { m: [], n: [], o: [{ start: 0, end: 10, value: 2 }] });
      const ranges: unknown[] = [];
      source.subscribe(({ partitions }) => ranges.push(...partitions.map(({ range }) => range)));
      flush();
      expect(ranges.map((range) => ({ topic: 'batches-1', end: 'caughtUp', ...(range as object) }))).toEqual(ranges);
      expect(ranges).toMatchObject([
        { partition: 0, from: 0, until: 1 },
        { partition: 1, from: 0, until: 1 },
        { partition: 0, from: 1, until: 3 },
        { partition: 1, from: 1, until: 2 },
        { partition: 0, from: 3, until: 3 },
        { partition: 1, from: 2, until: 3 },
      ]);
    });
  });
});

describe('a marble test that fails', () => {
  it('shows both diagrams, aligned, and the first value that differs', () => {
    const message = messageOf(({ batches, expectBatches }) => {
      const source = batches<number>('-a-b--|', { a: [1], b: [2, 3] });
      expectBatches(source.pipe(mapRecords((n) => n * 10))).toBe('-x-y--|', { x: [10], y: [20, 31] });
    });
    expect(message).toEqual([
      'at frame 3: value.1: expected 31, got 30',
      'expected  -x-y--|',
      'actual    -x-a--|',
      '             ^',
      'a = [20,30]',
      'x = [10]',
      'y = [20,31]',
    ]);
  });

  it('shows a batch that comes late, or is missing', () => {
    const late = messageOf(({ batches, expectBatches }) => {
      expectBatches(batches('-a--b|')).toBe('-a-b-|');
    });
    expect(late.slice(0, 4)).toEqual([
      'at frame 3: expected b, got nothing',
      'expected  -a-b-|',
      'actual    -a--b|',
      '             ^',
    ]);
    const missing = messageOf(({ batches, expectBatches }) => {
      const source = batches<number>('-(ab)-|', { a: [1], b: [2] });
      expectBatches(source.pipe(filterRecords(() => true))).toBe('-a----|', { a: [1] });
    });
    expect(missing.slice(0, 4)).toEqual([
      'at frame 1: expected nothing, got b',
      'expected  -a----|',
      'actual    -(ab)-|',
      '           ^',
    ]);
  });

  it('keeps frames in their columns over groups and long pauses', () => {
    const message = messageOf(
      ({ batches, expectBatches }) => {
        const source = batches<number>('50ms a 9ms b 99ms c', { a: [1], b: [2], c: [3] });
        expectBatches(source).toBe('50ms a 9ms (b|)', { a: [1], b: [2] });
      },
      { interval: 10 },
    );
    expect(message).toEqual([
      'at frame 60: expected completion, got nothing',
      'expected   50ms a---------(b|)',
      'actual     50ms a---------b 99ms c',
      '                          ^',
      'a = [1]',
      'b = [2]',
      'c = [3]',
    ]);
  });

  it('shows subscriptions, and which of them is another', () => {
    const message = messageOf(({ batches, expectObservable, expectSubscriptions }) => {
      const source = batches('-a-b-|');
      expectObservable(source, '---!');
      expectObservable(source, '-^---!');
      expectSubscriptions(source.subscriptions).toBe(['^--!', '-^-!']);
    });
    expect(message).toEqual([
      'subscription 2: expected to be unsubscribed from at frame 3, was at frame 5',
      'expected  ^--!',
      '          -^-!',
      'actual    ^--!',
      '          -^---!',
      '             ^',
    ]);
    const none = messageOf(({ batches, expectSubscriptions }) => {
      expectSubscriptions(batches('-a|').subscriptions).toBe('(^!)');
    });
    expect(none).toEqual([
      'subscription 1: expected to be subscribed to at frame 0, was never',
      'expected  (^!)',
      'actual    (none)',
      '          ^',
    ]);
  });

  it('shows errors by their messages, and plain values by their letters', () => {
    const message = messageOf(({ expectObservable }) => {
      expectObservable(throwError(() => new Error('broken'))).toBe('#', undefined, new Error('lost'));
    });
    expect(message).toEqual([
      'at frame 0: error.message: expected "lost", got "broken"',
      'expected  #',
      'actual    #',
      '          ^',
      '# = "Error: lost"',
      '# = "Error: broken"',
    ]);
    const named = messageOf(({ expectObservable }) => expectObservable(of(1, 2)).toBe('(xy|)', { x: 1, y: 3 }));
    expect(named).toEqual([
      'at frame 0: value: expected 3, got 2',
      'expected  (xy|)',
      'actual    (xa|)',
      '          ^',
      'a = 2',
      'x = 1',
      'y = 3',
    ]);
  });

  it('says with its fields what its message says, as test runners read them', () => {
    let error: unknown;
    try {
      runBatches(({ batches, expectBatches }) => expectBatches(batches('-a|')).toBe('--|'));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'MARBLE_MISMATCH', frame: 1, expected: '--|', actual: '-a|' });
  });

  it('goes to the assertion of the test runner where it is given', () => {
    const compared: unknown[] = [];
    runBatches(({ batches, expectBatches }) => expectBatches(batches('-a|')).toBe('--|'), {
      assertDeepEqual: (actual) => compared.push(actual),
    });
    expect(compared).toHaveLength(1);
  });
});
