import {
  type Batch,
  batchesFrom,
  batchesSource,
  foreachBatch,
  joinTable,
  json,
  logSource,
  logTable,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  queryable,
  string,
  type TableChange,
  tableFrom,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import { EMPTY, from, type Observable, of, Subject, throwError } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { pairs } from '../support/pairs.js';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

type Numbers = Pair<string, number>;

standingCases<Numbers, unknown>('joinTable', {
  records: pairs('a1 b2') as readonly Numbers[],
  make: () => joinTable(EMPTY as Observable<Batch<Numbers>>, { missing: 'keep' }),
});

describe('joinTable', () => {
  it('looks up rows as of the batch: what changes in a batch counts for it', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const lefts = { a: pairs('x1 y2'), b: pairs('x3'), c: pairs('x4 y5'), d: pairs('x6') };
      const changes: Readonly<Record<string, readonly TableChange<string, number>[]>> = {
        k: pairs('x10'),
        l: pairs('x20 y20'),
        m: [['x', null]],
      };
      const source = batches('-abcd|', lefts);
      const table = batches(' -klm-|', changes);
      const subs = '          ^----!';
      const expected = '      -pqrs|';
      const values = {
        p: [['x', [1, 10]]],
        q: [['x', [3, 20]]],
        r: [['y', [5, 20]]],
        s: [],
      } as const;
      expectBatches(source.pipe(joinTable(table))).toBe(expected, values as never);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(table.subscriptions).toBe(subs);
    });
  });

  it('drops, keeps or refuses what has no row', () => {
    const results = (missing: 'drop' | 'keep' | 'error') => {
      const seen: unknown[] = [];
      runBatches(({ batches, flush }) => {
        batches<Numbers>('-a|', { a: pairs('a1 b2') })
          .pipe(joinTable(batches<Pair<string, string>>('-a|', { a: [['a', 'A']] }), { missing }))
          .subscribe({ next: ({ records }) => seen.push(records), error: (error: Error) => seen.push(error.message) });
        flush();
      });
      return seen;
    };
    expect(results('drop')).toEqual([[['a', [1, 'A']]]]);
    expect(results('keep')).toEqual([
      [
        ['a', [1, 'A']],
        ['b', [2, undefined]],
      ],
    ]);
    expect(results('error')).toEqual(['joinTable: record "b" has no row in the table']);
    expect(() => joinTable(EMPTY, { missing: 'all' as never })).toThrow('missing ("all") must be one of');
    expect(() => joinTable([] as never)).toThrow('table');
  });

  it('equals looking into a Map that is changed batch by batch, also over restarts', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const change = fc.tuple(key, fc.option(fc.nat(9), { nil: null }));
    const left = fc.tuple(key, fc.nat(9));
    const batch = fc.tuple(fc.array(left, { maxLength: 4 }), fc.array(change, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 8 }), fc.nat(7), (drawn, crashAt) => {
        const rows = new Map<string, number>();
        const expected = drawn.map(([lefts, changes]) => {
          for (const [k, row] of changes) row === null ? rows.delete(k) : rows.set(k, row);
          return lefts.flatMap(([k, v]) => (rows.has(k) ? [[k, [v, rows.get(k)]]] : []));
        });
        const checkpoint = memoryCheckpoint();
        const seen = new Map<number, unknown>();
        let crash = true;
        const life = () =>
          virtual((scheduler) => {
            const { lefts, changes } = batchesFrom(
              {
                lefts: batchesSource<Pair<string, number>>(drawn.map(([records]) => records as Pair<string, number>[])),
                changes: batchesSource<TableChange<string, number>>(
                  drawn.map(([, records]) => records as TableChange<string, number>[]),
                ),
              },
              { interval: 10, scheduler, checkpoint },
            );
            lefts
              .pipe(
                joinTable(changes, { id: 't' }),
                foreachBatch((records, { time }) => {
                  if (crash && seen.size === crashAt) {
                    crash = false;
                    throw new Error('crash');
                  }
                  seen.set(time, records);
                }),
              )
              .subscribe({ error: () => {} });
          });
        life();
        life();
        expect([...seen.values()]).toEqual(expected);
      }),
      { ...propertySettings(), numRuns: 200 },
    );
  });

  it('shows the table of the last complete batch from outside', () => {
    const rows = queryable<string, number>();
    virtual((scheduler) => {
      const changes: TableChange<string, number>[][] = [pairs('x1 y2'), [['x', null]]];
      const { keys, table } = batchesFrom(
        { keys: batchesSource([pairs('x0'), pairs('x0')]), table: batchesSource(changes) },
        { interval: 10, scheduler },
      );
      keys.pipe(joinTable(table, { queryable: rows })).subscribe();
      scheduler.schedule(
        () =>
          expect([...rows.entries()]).toEqual([
            ['x', 1],
            ['y', 2],
          ]),
        15,
      );
    });
    expect([rows.time, ...rows.entries()]).toEqual([20, ['y', 2]]);
  });

  it('has the types of what comes and of what is missing', () => {
    const types = (
      clicks: Observable<Batch<Pair<string, Date>>>,
      users: Observable<Batch<TableChange<string, URL>>>,
    ) => {
      const dropped: Observable<Batch<Pair<string, readonly [Date, URL]>>> = clicks.pipe(joinTable(users));
      const kept: Observable<Batch<Pair<string, readonly [Date, URL | undefined]>>> = clicks.pipe(
        joinTable(users, { missing: 'keep' }),
      );
      // @ts-expect-error a row may be missing
      const wrong: Observable<Batch<Pair<string, readonly [Date, URL]>>> = clicks.pipe(
        joinTable(users, { missing: 'keep' }),
      );
      return [dropped, kept, wrong];
    };
    expect(types).toBeTypeOf('function');
  });
});

describe('logTable', () => {
  const setup = () => {
    const log = memoryLog({ topics: { clicks: 1, users: 2 } });
    const run = (scheduler: TestScheduler, until: number, options: object = {}, table: object = {}) => {
      const seen: unknown[] = [];
      const infos: unknown[] = [];
      const { clicks, users } = batchesFrom(
        {
          clicks: logSource(log, { topics: ['clicks'], start: 'earliest', deserialize: string() }),
          users: logTable(log, { topic: 'users', deserialize: json<number>(), maxBytesPerBatch: 200, ...table }),
        },
        {
          interval: 10,
          scheduler,
          batchObserver: {
            next: ({ time, inputs }) => infos.push([time, inputs.clicks?.records, inputs.users?.records]),
          },
          ...options,
        },
      );
      clicks
        .pipe(
          mapRecords((user) => [user ?? '', 'click']),
          joinTable(users, { id: 'users', missing: 'keep' }),
          foreachBatch((records, { time }) => {
            if (records.length > 0) seen.push([time, ...records.map(([user, [, row]]) => `${user}:${row}`)]);
          }),
        )
        .subscribe({ error: (error: Error) => seen.push(error.message) });
      scheduler.schedule(() => void clicks.stop(), until);
      return { seen, infos };
    };
    return { log, run };
  };
  const user = (key: string, value: number | null) => ({ key, value: value === null ? null : String(value) });

  it('is read to its end before the first record of another source, in as many batches as that takes', () => {
    const { log, run } = setup();
    log.append(
      'users',
      Array.from({ length: 40 }, (_, i) => user(`u${i % 20}`, i)),
    );
    log.append('users', [user('gone', 1), user('gone', null)]);
    log.append('clicks', [{ value: 'u0' }, { value: 'u19' }, { value: 'gone' }, { value: 'late' }]);
    virtual((scheduler) => {
      const { seen, infos } = run(scheduler, 200);
      scheduler.schedule(() => {
        log.append('users', [user('late', 7), user('u0', 70)]);
        log.append('clicks', [{ value: 'late' }, { value: 'u0' }]);
      }, 155);
      scheduler.schedule(() => {
        const before = infos.filter((info) => (info as number[])[1] === 0 && (info as number[])[2] !== 0);
        expect(before.length).toBeGreaterThan(2);
        expect(seen).toEqual([
          [expect.any(Number), 'u0:20', 'u19:39', 'gone:undefined', 'late:undefined'],
          [160, 'late:7', 'u0:70'],
        ]);
      }, 205);
    });
  });

  it('goes on from the checkpoint, and reads what came meanwhile before anything else', () => {
    const { log, run } = setup();
    const checkpoint = memoryCheckpoint();
    log.append('users', [user('ann', 1), user('bob', 2)]);
    virtual((scheduler) => void run(scheduler, 35, { checkpoint }));
    log.append('users', [user('ann', 10)]);
    log.append('clicks', [{ value: 'ann' }, { value: 'bob' }]);
    virtual((scheduler) => {
      scheduler.schedule(() => {}, 100);
      const { seen, infos } = run(scheduler, 90, { checkpoint });
      scheduler.schedule(() => {
        expect(seen.map((all) => (all as unknown[]).slice(1))).toEqual([['ann:10', 'bob:2']]);
        // Only what is new is read again.
        expect(infos.reduce((sum: number, info) => sum + ((info as number[])[2] ?? 0), 0)).toBe(1);
      }, 95);
    });
  });

  it('refuses a record without a key, or leaves it out', () => {
    const { log, run } = setup();
    log.append('users', [{ value: '1' }, user('ann', 2)]);
    log.append('clicks', [{ value: 'ann' }]);
    virtual((scheduler) => {
      const { seen } = run(scheduler, 50);
      scheduler.schedule(() => expect(seen).toEqual([expect.stringContaining('it has no key')]), 60);
    });
    virtual((scheduler) => {
      const { seen } = run(scheduler, 50, {}, { invalidRecords: 'skip' });
      scheduler.schedule(() => expect(seen).toEqual([[expect.any(Number), 'ann:2']]), 60);
    });
    expect(() => logTable(log, { topic: '', deserialize: string() })).toThrow('topic ("") must be a non-empty string');
  });
});

describe('tableFrom', () => {
  const run = (scheduler: TestScheduler, table: ReturnType<typeof tableFrom<string, number>>, count = 4) => {
    const seen: unknown[] = [];
    const { keys, rows } = batchesFrom(
      { keys: batchesSource(Array.from({ length: count }, () => pairs('a0 b0'))), rows: table },
      { interval: 10, scheduler },
    );
    keys
      .pipe(
        joinTable(rows, { missing: 'keep' }),
        foreachBatch((records, { time }) => {
          seen.push(`${time} ${records.map(([key, [, row]]) => `${key}${row ?? '-'}`).join(' ')}`);
          if (time >= count * 10) void keys.stop();
        }),
      )
      .subscribe({ error: (error: Error) => seen.push(error.message) });
    return seen;
  };

  it('waits for the first table, and takes each whole: rows that are missing are gone', () => {
    virtual((scheduler) => {
      const tables = new Subject<ReadonlyMap<string, number>>();
      const seen = run(scheduler, tableFrom(tables));
      scheduler.schedule(
        () =>
          tables.next(
            new Map([
              ['a', 1],
              ['b', 1],
            ]),
          ),
        15,
      );
      scheduler.schedule(() => tables.next(new Map([['b', 2]])), 25);
      scheduler.schedule(() => {
        expect(seen).toEqual(['10 a1 b1', '20 a1 b1', '30 a- b2', '40 a- b2']);
      }, 100);
    });
  });

  it('loads again after an interval, and fails the stream when that fails', () => {
    virtual((scheduler) => {
      let loads = 0;
      const load = () => {
        loads++;
        return loads === 3 ? throwError(() => new Error('no database')) : of(Object.entries({ a: loads }));
      };
      const seen = run(scheduler, tableFrom(load, { refreshInterval: 15 }), 9);
      scheduler.schedule(() => {
        expect(seen).toEqual(['10 a1 b-', '20 a2 b-', 'no database']);
      }, 100);
    });
  });

  it('deletes rows that a checkpoint still has', () => {
    const checkpoint = memoryCheckpoint();
    const life = (begin: number, rows: Readonly<Record<string, number>>) => {
      const seen: string[] = [];
      virtual((scheduler) => {
        scheduler.schedule(() => {
          const { keys, table } = batchesFrom(
            {
              keys: batchesSource([pairs('a0 b0'), pairs('a0 b0')]),
              table: tableFrom(from([new Map(Object.entries(rows))])),
            },
            { interval: 10, scheduler, checkpoint },
          );
          const subscription = keys
            .pipe(
              joinTable(table, { id: 't' }),
              foreachBatch((records) => {
                seen.push(records.map(([key, [, row]]) => `${key}${row}`).join(' '));
              }),
            )
            .subscribe(() => subscription?.unsubscribe());
        }, begin);
      });
      return seen;
    };
    expect(life(0, { a: 1, b: 1 })).toEqual(['a1 b1']);
    expect(life(10, { b: 2 })).toEqual(['b2']);
  });

  it('refuses what is no table', () => {
    expect(() => tableFrom(5 as never)).toThrow('must be an Observable of tables, or a function that loads one');
    expect(() => tableFrom(() => of([]), { refreshInterval: 0 })).toThrow('refreshInterval (0)');
  });
});
