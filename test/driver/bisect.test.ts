import {
  type Batch,
  type BatchInfo,
  type Checkpoint,
  ConnectionError,
  type DeadLetter,
  type DeadLetterObserver,
  foreachBatch,
  fromBatches,
  type LogBatchesOptions,
  logBatches,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  string,
  UnknownTopicError,
  updateStateByKey,
} from 'dstream';
import fc from 'fast-check';
import { EMPTY, firstValueFrom, from, map, mergeMap, NEVER, type Observable, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { nightly } from '../support/nightly.js';
import { virtual } from '../support/virtual.js';

/** What `onBatchError: 'bisect'` makes of records in partitions, where an output fails for some of them. */
function bisected(partitions: readonly (readonly string[])[], isPoison: (value: string) => boolean, count: number) {
  const written: (string | null)[] = [];
  const totals: number[] = [];
  const lost: (string | undefined)[] = [];
  const attempts: (readonly (string | null)[])[] = [];
  let failure: unknown;
  virtual(() => {
    const log = memoryLog({ topics: { t: partitions.length } });
    const all = partitions.flatMap((values, partition) => values.map((value) => ({ value, partition })));
    log.append('t', all);
    const subscription = logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      deserialize: string(),
      checkpoint: memoryCheckpoint(),
      retry: { count, delay: 1, maxDelay: 1 },
      onBatchError: 'bisect',
      batchObserver: {
        next: ({ inputs }) => {
          for (const { partition, from, until } of inputs.log?.lost ?? []) {
            for (let offset = from; offset < until; offset++) lost.push(partitions[partition]?.[offset]);
          }
          if (written.length + lost.length >= all.length) timer(50).subscribe(() => subscription.unsubscribe());
        },
      },
    })
      .pipe(
        foreachBatch((records) => {
          attempts.push(records);
          if (records.some((record) => record !== null && isPoison(record))) throw new Error('poison');
          written.push(...records);
        }),
        mapRecords(() => ['all', 1] as const),
        updateStateByKey((values: readonly number[], sum: number = 0) => sum + values.length, { id: 'count' }),
        foreachBatch((sums) => void totals.push(...sums.map(([, sum]) => sum))),
      )
      .subscribe({ error: (error) => (failure = error) });
    const end = timer(20_000).subscribe(() => subscription.unsubscribe());
    subscription.add(end);
  });
  return { written, total: totals.at(-1) ?? 0, lost, attempts, failure };
}

describe("onBatchError: 'bisect'", () => {
  it('halves a batch that failed for the last time, and gives up the record alone', () => {
    const { written, lost, attempts, total } = bisected([['a', 'b', 'bad', 'd', 'e']], (value) => value === 'bad', 1);
    expect(written).toEqual(['a', 'b', 'd', 'e']);
    expect(lost).toEqual(['bad']);
    expect(total).toBe(4);
    // As a whole it is tried again, its parts are not, and a record that is alone is.
    expect(attempts.slice(0, 9)).toEqual([
      ['a', 'b', 'bad', 'd', 'e'],
      ['a', 'b', 'bad', 'd', 'e'],
      ['a', 'b', 'bad'],
      ['a', 'b'],
      ['bad', 'd', 'e'],
      ['bad', 'd'],
      ['bad'],
      ['bad'],
      [],
    ]);
    expect(attempts[9]).toEqual(['d', 'e']);
  });

  it('loses what fails and nothing else, whatever the partitions, and doubles nothing', () => {
    const value = fc.record({ poison: fc.integer({ min: 0, max: 9 }).map((n) => n === 0) });
    const partition = fc.array(value, { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(partition, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 2 }),
        (given, count) => {
          const partitions = given.map((values, p) =>
            values.map(({ poison }, i) => `${p}/${i}${poison ? ' bad' : ''}`),
          );
          const isPoison = (text: string) => text.endsWith('bad');
          const { written, lost, total, failure } = bisected(partitions, isPoison, count);
          expect(failure).toBe(undefined);
          const all = partitions.flat();
          const good = all.filter((text) => !isPoison(text));
          expect([...written].sort()).toEqual([...good].sort());
          expect([...lost].sort()).toEqual(all.filter(isPoison).sort());
          expect(total).toBe(good.length);
          for (const [p, values] of partitions.entries()) {
            const ofPartition = written.filter((text) => text?.startsWith(`${p}/`));
            expect(ofPartition).toEqual(values.filter((text) => !isPoison(text)));
          }
        },
      ),
      { numRuns: nightly ? 2_000 : 15 },
    );
  });

  it('gives up the whole batch of a source that does not divide batches', () => {
    const attempts: unknown[] = [];
    const lost: unknown[] = [];
    virtual(() => {
      fromBatches([[0, 10], [1]], {
        interval: 10,
        partitions: 1,
        checkpoint: memoryCheckpoint(),
        retry: { count: 0, delay: 1 },
        onBatchError: 'bisect',
        batchObserver: { next: ({ inputs }) => lost.push(...(inputs.batches?.lost ?? [])) },
      })
        .pipe(
          foreachBatch((records) => {
            attempts.push(records);
            if (records.includes(0)) throw new Error('poison');
          }),
        )
        .subscribe();
    });
    expect(attempts).toEqual([[0, 10], [0, 10], [], [1]]);
    expect(lost).toMatchObject([{ from: 0, until: 1 }]);
  });
});

describe('dead letters of what is given up', () => {
  const values = ['a', 'b', 'bad', 'd'];
  /** What a stream makes of these, whose output cannot write one of them. */
  const lettersOf = (
    onBatchError: 'skip' | 'bisect',
    operators: (log: ReturnType<typeof logBatches<string | null>>) => Observable<Batch<string | null>>,
    next: DeadLetterObserver['next'] = () => {},
  ) => {
    const letters: DeadLetter[] = [];
    const infos: BatchInfo[] = [];
    let failure: unknown;
    virtual(() => {
      const log = memoryLog({ topics: { t: 1 } });
      log.append(
        't',
        values.map((value, i) => ({ key: `k${i}`, value })),
      );
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: string(),
        checkpoint: memoryCheckpoint(),
        retry: { count: 1, delay: 1, maxDelay: 1 },
        onBatchError,
        onRecordError: {
          next: (letter, context) => {
            letters.push(letter);
            return next(letter, context);
          },
        },
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = operators(stream)
        .pipe(
          foreachBatch((records) => {
            if (records.includes('bad')) throw new Error('poison');
          }),
        )
        .subscribe({ error: (error) => (failure = error) });
      timer(500).subscribe(() => subscription.unsubscribe());
    });
    return { letters, infos, failure };
  };

  it('are the record that bisect finds, with its error, and it is lost too', () => {
    const { letters, infos } = lettersOf('bisect', (stream) => stream);
    expect(letters).toMatchObject([
      { operator: 'onBatchError', record: 'bad', origin: { topic: 't', partition: 0, offset: 2 } },
    ]);
    expect(letters[0]?.error).toEqual(new Error('poison'));
    const [info, ...others] = infos.filter(({ failedRecords }) => failedRecords !== undefined);
    expect(info).toMatchObject({ time: letters[0]?.time, failedRecords: 1 });
    expect(info?.inputs.log?.lost).toMatchObject([{ from: 2, until: 3 }]);
    expect(others).toEqual([]);
  });

  it('have key and value, byte by byte, where the first operator decodes the records', () => {
    const { letters } = lettersOf('bisect', (stream) => stream.pipe(mapRecords((value) => value)));
    const text = (bytes: Uint8Array | null | undefined) => bytes && new TextDecoder().decode(bytes);
    expect(letters).toHaveLength(1);
    const { origin, record } = letters[0] as DeadLetter;
    expect([text(origin?.key), text(origin?.value), text(record as Uint8Array)]).toEqual(['k2', 'bad', 'bad']);
  });

  it('are all records of a batch that is skipped', () => {
    const { letters } = lettersOf('skip', (stream) => stream);
    expect(letters.map(({ record, origin }) => [record, origin?.offset])).toEqual(
      values.map((value, offset) => [value, offset]),
    );
  });

  it('are waited for, and what fails with them fails the stream', () => {
    const { letters, infos, failure } = lettersOf(
      'bisect',
      (stream) => stream,
      () => timer(1).pipe(mergeMap(() => throwError(() => new Error('no disk')))),
    );
    expect(failure).toEqual(new Error('no disk'));
    // Once, and once again; each with the error of the record.
    expect(letters.map(({ error }) => (error as Error).message)).toEqual(['poison', 'poison']);
    expect(infos.some(({ inputs }) => inputs.log?.lost !== undefined)).toBe(false);
  });
});

/** The same checkpoint in a process that can be killed: from then on nothing is written. */
function mortal(checkpoint: Checkpoint) {
  let killed = false;
  const living: Checkpoint = {
    location: checkpoint.location,
    open: (options) =>
      from(checkpoint.open(options)).pipe(
        map((session) => ({
          ...session,
          plan: (batch) => (killed ? EMPTY : session.plan(batch)),
          save: (batch) => (killed ? NEVER : session.save(batch)),
        })),
      ),
  };
  return {
    checkpoint: living,
    kill: () => {
      killed = true;
    },
  };
}

describe('attempts in the checkpoint', () => {
  const job = (checkpoint: Checkpoint, more: Partial<LogBatchesOptions<string | null>> = {}) => {
    const log = memoryLog({ topics: { t: 1 } });
    log.append(
      't',
      ['a', 'bad', 'c'].map((value) => ({ value })),
    );
    return logBatches(log, {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      maxRatePerPartition: 100,
      deserialize: string(),
      checkpoint,
      retry: { count: 2, delay: 1 },
      onBatchError: 'skip',
      ...more,
    } as LogBatchesOptions<string | null>);
  };
  const attemptsIn = async (checkpoint: Checkpoint) => {
    const session = await firstValueFrom(from(checkpoint.open()));
    return session.restored?.planned.map(({ attempts = 0 }) => attempts)[0];
  };

  it('count a batch that ends the process, which is given up after it has done so too often', async () => {
    const checkpoint = memoryCheckpoint();
    const written: unknown[] = [];
    const lost: unknown[] = [];
    const letters: DeadLetter[] = [];
    const life = () =>
      virtual(() => {
        const { checkpoint: living, kill } = mortal(checkpoint);
        const subscription = job(living, {
          onRecordError: { next: (letter) => void letters.push(letter) },
          batchObserver: { next: ({ inputs }) => lost.push(...(inputs.log?.lost ?? [])) },
        })
          .pipe(
            foreachBatch((records) => {
              if (records.includes('bad')) {
                kill();
                return NEVER;
              }
              written.push(...records);
              return undefined;
            }),
          )
          .subscribe();
        timer(100).subscribe(() => subscription.unsubscribe());
      });
    const seen: unknown[] = [];
    for (let lives = 0; lives < 3; lives++) {
      life();
      seen.push(await attemptsIn(checkpoint));
    }
    // The first start is not noted: that costs a healthy batch nothing.
    expect(seen).toEqual([0, 1, 2]);
    expect(written).toEqual(['a']);
    life();
    expect(written).toEqual(['a', 'c']);
    expect(lost).toMatchObject([{ from: 1, until: 2 }]);
    expect(letters).toMatchObject([{ record: 'bad', origin: { offset: 1 } }]);
    expect(letters[0]?.error).toMatchObject({ code: 'PROCESS_ENDED', time: letters[0]?.time, attempts: 2 });
  });

  it('do not count a stop, an unsubscribed stream, or another batch', async () => {
    const checkpoint = memoryCheckpoint();
    for (let lives = 0; lives < 5; lives++) {
      virtual(() => {
        const subscription = job(checkpoint)
          .pipe(foreachBatch((records) => (records.includes('bad') ? NEVER : undefined)))
          .subscribe();
        timer(100).subscribe(() => subscription.unsubscribe());
      });
      expect(await attemptsIn(checkpoint)).toBe(0);
    }
    virtual(() => {
      // Both are open, and the second one fails: the first is started again with it.
      const subscription = job(checkpoint, { concurrentBatches: 2 })
        .pipe(
          foreachBatch((records) => {
            if (records.includes('c')) return timer(5).pipe(mergeMap(() => throwError(() => new Error('c'))));
            return records.includes('bad') ? NEVER : undefined;
          }),
        )
        .subscribe({ error: () => {} });
      timer(300).subscribe(() => subscription.unsubscribe());
    });
    expect(await attemptsIn(checkpoint)).toBe(0);
  });

  it('do not count what records cannot be to blame for: a save that fails, or a fault of the program', async () => {
    const checkpoint = memoryCheckpoint();
    const away = () => throwError(() => new ConnectionError(['database']));
    /** A plan that is written after the save of its batch could outlive it. */
    const late: number[] = [];
    const failing: Checkpoint = {
      location: checkpoint.location,
      open: (options) =>
        from(checkpoint.open(options)).pipe(
          map((session) => {
            const begun = new Set<number>();
            return {
              ...session,
              plan: (batch) => {
                if (begun.has(batch.time)) late.push(batch.time);
                return session.plan(batch);
              },
              save: (batch) => {
                begun.add(batch.time);
                return batch.time > 10 ? away() : session.save(batch);
              },
            };
          }),
        ),
    };
    const errors: unknown[] = [];
    for (let lives = 0; lives < 4; lives++) {
      virtual(() => {
        job(failing)
          .pipe(foreachBatch(() => {}))
          .subscribe({ error: ({ code }) => errors.push(code) });
      });
      expect(await attemptsIn(checkpoint)).toBe(0);
    }
    expect(late).toEqual([]);
    for (let lives = 0; lives < 4; lives++) {
      virtual(() => {
        job(checkpoint)
          .pipe(
            foreachBatch((records) => {
              if (records.includes('bad')) throw new UnknownTopicError('out');
            }),
          )
          .subscribe({ error: ({ code }) => errors.push(code) });
      });
      expect(await attemptsIn(checkpoint)).toBe(0);
    }
    expect(new Set(errors)).toEqual(new Set(['CONNECTION', 'UNKNOWN_TOPIC']));
  });

  it('go on where the process before has failed', () => {
    const checkpoint = memoryCheckpoint();
    const starts: number[] = [];
    for (let lives = 0; lives < 2; lives++) {
      let count = 0;
      virtual(() => {
        const subscription = job(checkpoint)
          .pipe(
            foreachBatch((records) => {
              if (!records.includes('bad')) return;
              count++;
              // The first process ends in the pause after its second attempt.
              if (lives === 0 && count === 2) timer(0).subscribe(() => subscription.unsubscribe());
              throw new Error('poison');
            }),
          )
          .subscribe();
        timer(300).subscribe(() => subscription.unsubscribe());
      });
      starts.push(count);
    }
    expect(starts).toEqual([2, 1]);
  });
});
