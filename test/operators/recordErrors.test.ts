import {
  aggregateByKey,
  type Batch,
  type BatchInfo,
  type DeadLetter,
  deduplicate,
  filterRecords,
  flatMapRecords,
  foreachBatch,
  InvalidOptionError,
  InvalidStateError,
  json,
  logBatches,
  mapRecords,
  mapWithState,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  type RecordView,
  reduceByKey,
  reduceByKeyAndWindow,
  runningReduce,
  sessionWindow,
  string,
  TooManyErrorsError,
  updateStateByKey,
} from 'dstream';
import { merge, type Observable, share, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

const decoder = new TextDecoder();

interface Run {
  readonly results: readonly unknown[];
  readonly letters: readonly DeadLetter[];
  readonly infos: readonly BatchInfo[];
  readonly error: unknown;
}

/** Runs a job over texts in one partition, of which all come in the first batch; `perBatch` of them otherwise. */
function run<R>(
  texts: readonly string[],
  job: (stream: Observable<Batch<string>>) => Observable<Batch<R>>,
  options: Partial<Parameters<typeof logBatches<string>>[1]> & { readonly perBatch?: number } = {},
): Run {
  const letters: DeadLetter[] = [];
  const infos: BatchInfo[] = [];
  const results: unknown[] = [];
  let error: unknown;
  const { perBatch, ...given } = options;
  virtual(() => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append(
      't',
      texts.map((value, i) => ({ key: `k${i}`, value, headers: [['h', new TextEncoder().encode(`${i}`)]] as const })),
    );
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: string() as () => string,
      onRecordError: { next: (letter) => void letters.push(letter) },
      batchObserver: { next: (info) => void infos.push(info) },
      ...(perBatch !== undefined && { maxRatePerPartition: perBatch * 100 }),
      ...given,
    });
    const subscription = job(stream).subscribe({
      next: ({ records }) => results.push(structuredClone(records)),
      error: (cause: unknown) => {
        error = cause;
      },
    });
    timer(10 * Math.ceil(texts.length / (perBatch ?? texts.length)) + 5).subscribe(() => subscription.unsubscribe());
  });
  return { results, letters, infos, error };
}

const refuse = (bad: string) => (text: string) => {
  if (text === bad) throw new Error(`no ${bad}`);
  return text;
};
const pair = (text: string): Pair<string, number> => [text[0] ?? '', Number(text.slice(1))];
const summary = ({ operator, id, record, error, origin }: DeadLetter) => ({
  operator,
  id,
  record,
  error: (error as Error).message,
  offset: origin?.offset,
});

describe('onRecordError', () => {
  it('puts a record aside with all that is known of it, and the others pass', () => {
    const { results, letters, infos } = run(['a', 'bad', 'c'], (stream) =>
      stream.pipe(
        mapRecords(refuse('bad')),
        foreachBatch(() => {}),
      ),
    );
    expect(results).toEqual([['a', 'c']]);
    expect(letters).toHaveLength(1);
    const [{ origin, time, ...letter } = {} as DeadLetter] = letters;
    expect(letter).toMatchObject({ operator: 'mapRecords', record: 'bad', error: new Error('no bad') });
    expect(time).toBe(10);
    expect(origin).toMatchObject({ topic: 't', partition: 0, offset: 1 });
    expect(decoder.decode(origin?.key ?? new Uint8Array())).toBe('k1');
    expect(decoder.decode(origin?.value ?? new Uint8Array())).toBe('bad');
    expect(origin?.headers?.map(([name, value]) => [name, decoder.decode(value ?? new Uint8Array())])).toEqual([
      ['h', '1'],
    ]);
    expect(infos[0]?.failedRecords).toBe(1);
  });

  it('skips and counts without an Observer', () => {
    const { results, infos } = run(
      ['a', 'bad', 'c'],
      (stream) =>
        stream.pipe(
          mapRecords(refuse('bad')),
          foreachBatch(() => {}),
        ),
      { onRecordError: 'skip' },
    );
    expect(results).toEqual([['a', 'c']]);
    expect(infos.map(({ failedRecords }) => failedRecords)).toEqual([1]);
  });

  it('names the operator of a chain that failed, and the record that it received', () => {
    const { results, letters } = run(['a1', 'b2', 'c3'], (stream) =>
      stream.pipe(
        mapRecords((text) => text.toUpperCase()),
        filterRecords((text) => refuse('B2')(text) !== ''),
        flatMapRecords((text) => [text, refuse('C3')(text)]),
        mapRecords(pair),
        reduceByKey((a, b) => a + b),
        foreachBatch(() => {}),
      ),
    );
    expect(results).toEqual([[['A', 2]]]);
    expect(letters.map(summary)).toEqual([
      { operator: 'filterRecords', id: undefined, record: 'B2', error: 'no B2', offset: 1 },
      { operator: 'flatMapRecords', id: undefined, record: 'C3', error: 'no C3', offset: 2 },
    ]);
  });

  it('knows offsets behind share() too', () => {
    const { results, letters } = run(['a', 'bad', 'c', 'worse'], (stream) =>
      stream.pipe(
        share(),
        mapRecords(refuse('bad')),
        share(),
        mapRecords(refuse('worse')),
        foreachBatch(() => {}),
      ),
    );
    expect(results).toEqual([['a', 'c']]);
    expect(letters.map((letter) => letter.origin?.offset)).toEqual([1, 3]);
  });

  const reducers = {
    reduceByKey: reduceByKey<string, number>((a, b) => {
      if (b === 2) throw new Error('no 2');
      return a + b;
    }),
    aggregateByKey: aggregateByKey<string, number, number, number>({
      name: 'adding',
      identity: 0,
      lift: (n) => {
        if (n === 2) throw new Error('no 2');
        return n;
      },
      combine: (a, b) => a + b,
      lower: (sum) => sum,
    }),
    reduceByKeyAndWindow: reduceByKeyAndWindow<string, number>(
      (a, b) => {
        if (b === 2) throw new Error('no 2');
        return a + b;
      },
      { window: 10 },
    ),
  };
  it.each(Object.entries(reducers))('%s leaves a failing value out of its result', (name, operator) => {
    const { results, letters } = run(['a1', 'a2', 'a3'], (stream) =>
      stream.pipe(
        mapRecords(pair),
        operator as typeof reducers.reduceByKey,
        foreachBatch(() => {}),
      ),
    );
    expect(results).toEqual([[['a', 4]]]);
    expect(letters.map(summary)).toEqual([
      { operator: name, id: undefined, record: ['a', 2], error: 'no 2', offset: 1 },
    ]);
  });

  it('fails the stream by default', () => {
    const { error } = run(
      ['a', 'bad'],
      (stream) =>
        stream.pipe(
          mapRecords(refuse('bad')),
          foreachBatch(() => {}),
        ),
      {
        onRecordError: 'fail',
      },
    );
    expect(error).toEqual(new Error('no bad'));
  });

  it('fails the stream when more than maxErrors fail within a minute, and not before', () => {
    const job = (stream: Observable<Batch<string>>) =>
      stream.pipe(
        mapRecords(refuse('bad')),
        foreachBatch(() => {}),
      );
    expect(run(['bad', 'bad', 'a'], job, { maxErrors: 2 }).error).toBeUndefined();
    const { error, letters } = run(['bad', 'bad', 'bad'], job, { maxErrors: 2 });
    expect(error).toBeInstanceOf(TooManyErrorsError);
    expect((error as Error).message).toBe('mapRecords: more than 2 records failed within a minute (maxErrors): no bad');
    expect(letters).toHaveLength(2);
  });

  it('counts the failures of the last minute only', () => {
    const { error } = run(
      Array.from({ length: 4 }, () => 'bad'),
      (stream) =>
        stream.pipe(
          mapRecords(refuse('bad')),
          foreachBatch(() => {}),
        ),
      { maxErrors: 2, interval: 40_000, maxRatePerPartition: 1 / 40, onRecordError: 'skip' },
    );
    expect(error).toBeUndefined();
  });

  it('fails the stream when the Observer throws', () => {
    const { error } = run(
      ['bad'],
      (stream) =>
        stream.pipe(
          mapRecords(refuse('bad')),
          foreachBatch(() => {}),
        ),
      {
        onRecordError: {
          next: () => {
            throw new Error('no letters');
          },
        },
      },
    );
    expect(error).toEqual(new Error('no letters'));
  });

  it('keeps the batch open until the Observer has finished', () => {
    const { infos } = run(
      ['bad', 'a'],
      (stream) =>
        stream.pipe(
          mapRecords(refuse('bad')),
          foreachBatch(() => {}),
        ),
      { perBatch: 2, onRecordError: { next: () => timer(3) } },
    );
    expect(infos[0]?.processingDelay).toBe(3);
  });

  it('refuses values that it does not know, and maxErrors alone', () => {
    const job = (stream: Observable<Batch<string>>) => stream;
    expect(() => run([], job, { onRecordError: 'ignore' as 'skip' })).toThrow(InvalidOptionError);
    expect(() => run([], job, { onRecordError: {} as never })).toThrow(InvalidOptionError);
    expect(() => run([], job, { maxErrors: -1 })).toThrow(InvalidOptionError);
    expect(() => run([], job, { onRecordError: undefined as never, maxErrors: 5 })).toThrow(InvalidOptionError);
  });
});

describe('the state of a key for which a function failed', () => {
  it('is what it was before, although mapWithState has changed it in place', () => {
    const { results, letters } = run(['a1', 'a2', 'a3', 'b2'], (stream) =>
      stream.pipe(
        mapRecords(pair),
        mapWithState<string, number, { values: number[] }, string>(
          (key, value, state) => {
            const values = state.get() ?? { values: [] };
            values.values.push(value ?? 0);
            state.update(values);
            if (value === 2) throw new Error('no 2');
            return `${key} ${values.values}`;
          },
          { id: 'values' },
        ),
        foreachBatch(() => {}),
      ),
    );
    expect(results).toEqual([['a 1', 'a 1,3']]);
    expect(letters.map(summary)).toEqual([
      { operator: 'mapWithState', id: 'values', record: ['a', 2], error: 'no 2', offset: 1 },
      { operator: 'mapWithState', id: 'values', record: ['b', 2], error: 'no 2', offset: 3 },
    ]);
  });

  it('is what it was before, with updateStateByKey, which puts the values of the key aside', () => {
    const { results, letters } = run(
      ['a1', 'b1', 'a2', 'b3', 'a4', 'b5'],
      (stream) =>
        stream.pipe(
          mapRecords(pair),
          updateStateByKey<string, number, { sum: number }>(
            (values, state = { sum: 0 }) => {
              for (const value of values) state.sum += value;
              if (values.includes(2)) throw new Error('no 2');
              return state;
            },
            { id: 'sums' },
          ),
          foreachBatch(() => {}),
        ),
      { perBatch: 2, checkpoint: memoryCheckpoint() },
    );
    expect(results).toEqual([
      [
        ['a', { sum: 1 }],
        ['b', { sum: 1 }],
      ],
      [['b', { sum: 4 }]],
      [
        ['a', { sum: 5 }],
        ['b', { sum: 9 }],
      ],
    ]);
    expect(letters.map(summary)).toEqual([
      { operator: 'updateStateByKey', id: 'sums', record: ['a', [2]], error: 'no 2', offset: undefined },
    ]);
  });

  it('is what it was before, with runningReduce, deduplicate and sessionWindow', () => {
    const summing = run(['1', '2', '3'], (stream) =>
      stream.pipe(
        mapRecords((text) => ({ n: Number(text) })),
        runningReduce((all, { n }) => {
          all.n += n;
          if (n === 2) throw new Error('no 2');
          return all;
        }),
        foreachBatch(() => {}),
      ),
    );
    expect(summing.results).toEqual([[{ n: 4 }]]);
    const distinct = run(['1', '2', '1'], (stream) =>
      stream.pipe(
        deduplicate(refuse('2'), { window: 50 }),
        foreachBatch(() => {}),
      ),
    );
    expect(distinct.results).toEqual([['1']]);
    expect(distinct.letters.map(summary)).toEqual([
      { operator: 'deduplicate', id: undefined, record: '2', error: 'no 2', offset: 1 },
    ]);
    const sessions = run(['a1', 'x'], (stream) =>
      stream.pipe(
        mapRecords((text) => (text === 'x' ? 'x' : pair(text)) as Pair<string, number>),
        sessionWindow({ gap: 10 }),
        foreachBatch(() => {}),
      ),
    );
    expect(sessions.letters.map(({ operator, record }) => [operator, record])).toEqual([['sessionWindow', 'x']]);
  });

  it('fails the stream when it cannot be copied', () => {
    class Sum {
      value = 0;
    }
    const { error } = run(['a1', 'a2'], (stream) =>
      stream.pipe(
        mapRecords(pair),
        mapWithState<string, number, Sum, number>((_, value, state) => {
          const sum = state.get() ?? new Sum();
          sum.value += value ?? 0;
          state.update(sum);
          if (value === 2) throw new Error('no 2');
          return sum.value;
        }),
        foreachBatch(() => {}),
      ),
    );
    expect(error).toBeInstanceOf(InvalidStateError);
  });
});

it('json(schema) makes a record that does not fit an invalid record, and infers the type', () => {
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        const { n } = value as { readonly n?: unknown };
        return typeof n === 'number'
          ? { value: { n: n * 2 } }
          : { issues: [{ message: 'must be a number', path: ['n'] }, { message: 'other' }] };
      },
      types: undefined as { readonly input: unknown; readonly output: { readonly n: number } } | undefined,
    },
  };
  const invalid: string[] = [];
  const numbers: number[] = [];
  virtual(() => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: '{"n":1}' }, { value: '{"n":"x"}' }, { value: '{"n":3}' }]);
    const stream = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: json(schema),
      invalidRecords: { next: ({ error }) => void invalid.push(error.message) },
    });
    const subscription = stream
      .pipe(foreachBatch((records) => void numbers.push(...records.map(({ n }) => n))))
      .subscribe();
    timer(15).subscribe(() => subscription.unsubscribe());
  });
  expect(numbers).toEqual([2, 6]);
  expect(invalid).toEqual([
    't/0: the record at offset 1 cannot be deserialized: it does not fit the schema: n: must be a number (and 1 more)',
  ]);
});

describe('a record that cannot be deserialized', () => {
  const deserialize = ((view: RecordView) => {
    const text = view.valueText() ?? '';
    if (text.startsWith('bad')) throw new Error(`not ${text}`);
    return text;
  }) as () => string;
  const texts = ['a', 'bad1', 'c'];
  const shown = ({ operator, record, error, origin }: DeadLetter) => {
    const text = (bytes: Uint8Array | null | undefined) => bytes && new TextDecoder().decode(bytes);
    const headers = origin?.headers?.map(([name, bytes]) => `${name}=${text(bytes)}`);
    const bytes = text(record as Uint8Array);
    return [operator, (error as Error).message, bytes, origin?.offset, text(origin?.key), text(origin?.value), headers];
  };
  const letter = [
    'deserialize',
    't/0: the record at offset 1 cannot be deserialized: not bad1',
    'bad1',
    1,
    'k1',
    'bad1',
    ['h=1'],
  ];

  it('is put aside with its bytes, before operators that decode the records themselves', () => {
    const { results, letters, infos, error } = run(texts, (stream) => stream.pipe(mapRecords((text) => `${text}!`)), {
      deserialize,
      unclaimed: 'complete',
    });
    expect(error).toBeUndefined();
    expect(results[0]).toEqual(['a!', 'c!']);
    expect(letters.map(shown)).toEqual([letter]);
    expect(infos[0]?.failedRecords).toBe(1);
  });

  it('is put aside with its bytes, before all others', () => {
    const { letters, infos, error } = run(texts, (stream) => stream.pipe(foreachBatch(() => {})), { deserialize });
    expect(error).toBeUndefined();
    expect(letters.map(shown)).toEqual([letter]);
    expect(infos[0]?.failedRecords).toBe(1);
  });

  it('is put aside once, however many branches there are', () => {
    const { results, letters } = run(
      texts,
      (stream) => {
        const shared = stream.pipe(share());
        return merge(shared.pipe(mapRecords((text) => `${text}1`)), shared.pipe(mapRecords((text) => `${text}2`)));
      },
      { deserialize, unclaimed: 'complete' },
    );
    expect(results.slice(0, 2)).toEqual([
      ['a1', 'c1'],
      ['a2', 'c2'],
    ]);
    expect(letters).toHaveLength(1);
  });

  it('fails the stream beyond maxErrors', () => {
    for (const job of [
      (stream: Observable<Batch<string>>) => stream.pipe(foreachBatch<string>(() => {})),
      (stream: Observable<Batch<string>>) => stream.pipe(mapRecords((text) => text)),
    ]) {
      const { error } = run(['bad1', 'bad2', 'bad3'], job, { deserialize, maxErrors: 2, unclaimed: 'complete' });
      expect(error).toBeInstanceOf(TooManyErrorsError);
      expect(String(error)).toContain('deserialize: more than 2 records failed within a minute');
    }
  });

  it('goes where invalidRecords says, where that is set', () => {
    const invalid: string[] = [];
    const { letters, infos } = run(texts, (stream) => stream.pipe(foreachBatch(() => {})), {
      deserialize,
      invalidRecords: { next: ({ error }) => void invalid.push(error.message) },
    });
    expect(invalid).toEqual([letter[1]]);
    expect(letters).toEqual([]);
    expect(infos[0]?.failedRecords).toBeUndefined();
    expect(infos[0]?.inputs.log?.skipped).toBe(1);
  });
});
