import {
  type Batch,
  eventSessionWindow,
  eventTime,
  type LateRecord,
  mapRecords,
  type Pair,
  repartition,
  type Session,
  type SessionUpdate,
  sideOutput,
} from 'dstream';
import { sum } from 'dstream/aggregators';
import fc from 'fast-check';
import { type OperatorFunction, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Case, cases } from '../eventtime/cases.js';
import { type OfflineWindow, offlineSessions, type Timed } from '../eventtime/offline.js';
import { type Made, runPlan } from '../eventtime/runPlan.js';
import { propertySettings } from './settings.js';

// Sessions by event time against a computation that knows no batches: the results must not depend on the plan.

type Value = Pair<string, number>;
type Late = ReturnType<typeof sideOutput<LateRecord<Value>>>;
type Options = { readonly gap: number; readonly allowedLateness: number; readonly late: Late; readonly id: string };
type Sessions = OperatorFunction<Batch<Value>, Batch<Pair<string, Session<unknown>>>>;

const values = ({ records }: OfflineWindow) => records.map(([, , value]) => value);

const operators: Readonly<
  Record<string, readonly [(options: Options) => Sessions, (window: OfflineWindow) => unknown]>
> = {
  'all values, by event time': [(options) => eventSessionWindow<string, number>(options), values],
  'a sum': [
    (options) => eventSessionWindow({ ...options, aggregator: sum() }),
    (window) => values(window).reduce((a, b) => a + b, 0),
  ],
};

const between: readonly OperatorFunction<Batch<Value>, Batch<Value>>[] = [
  (source) => source,
  tap(),
  repartition<Value>(3),
];

function made<S extends Session<unknown>>(
  { outOfOrderness, allowedLateness, window: gap }: Case,
  sessions: (options: Options) => OperatorFunction<Batch<Value>, Batch<Pair<string, S>>>,
  passing: OperatorFunction<Batch<Value>, Batch<Value>>,
): Made<Timed, Pair<string, S>, LateRecord<Value>> {
  const late = sideOutput<LateRecord<Value>>();
  return {
    late,
    operator: (source) =>
      source.pipe(
        eventTime({ timestamp: ([time]) => time, outOfOrderness, idleAfter: Infinity, future: Infinity, id: 'time' }),
        mapRecords(([, key, value]) => [key, value]),
        passing,
        sessions({ gap, allowedLateness, late, id: 'sessions' }),
      ),
  };
}

const sorted = (results: readonly unknown[]) => results.map((each) => JSON.stringify(each)).sort();

describe.each(Object.entries(operators))('sessions with %s', (_, [sessions, expected]) => {
  it('depend on the records of each partition and not on batches and crashes', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(...between), (drawn, passing) => {
        const { partitions, plan, crashes, window: gap } = drawn;
        const truth = offlineSessions(partitions, { ...drawn, gap });
        const run = runPlan(partitions, plan, crashes, () => made(drawn, sessions, passing));
        const wanted = truth.windows.map((each) => {
          return [each.key, { start: each.start, end: each.end, value: expected(each) }];
        });
        expect(sorted(run.results.flat())).toEqual(sorted(wanted));
        const late = run.late.map(({ record: [, value], time, reason }) => [time, value, reason]);
        expect(sorted(late)).toEqual(sorted(truth.late.map(([time, , value]) => [time, value, 'late'])));
        expect(run.counts.late).toBe(truth.late.length);
        if (drawn.bounded) expect(run.entries.sessions ?? 0).toBe(0);
      }),
      propertySettings(300),
    );
  });
});

describe.each(['a list', 'a sum'])('sessions with %s that come before they are final', (kind) => {
  it('come last as they are when everything has been read', () => {
    const sessions = (options: Options): OperatorFunction<Batch<Value>, Batch<Pair<string, SessionUpdate<unknown>>>> =>
      kind === 'a list'
        ? eventSessionWindow<string, number, 'changes'>({ ...options, emit: 'changes' })
        : eventSessionWindow({ ...options, aggregator: sum(), emit: 'changes' });
    const expected = ({ records }: OfflineWindow) => {
      const all = values({ records } as OfflineWindow);
      return kind === 'a list' ? all : all.reduce((a, b) => a + b, 0);
    };
    fc.assert(
      fc.property(cases, (drawn) => {
        const { partitions, plan, crashes, window: gap } = drawn;
        const truth = offlineSessions(partitions, { ...drawn, gap });
        const run = runPlan(partitions, plan, crashes, () => made(drawn, sessions, (source) => source));
        const wanted = (all: readonly OfflineWindow[]) =>
          sorted(all.map((each) => [each.key, each.start, each.end, expected(each)]));
        const shown = ([key, { start, end, value }]: Pair<string, SessionUpdate<unknown>>) => [key, start, end, value];
        const results = run.results.flat();
        expect(sorted(results.filter(([, { final }]) => final).map(shown))).toEqual(wanted(truth.windows));
        // What a table has by key and start that is written in this order.
        const table = new Map<string, Pair<string, SessionUpdate<unknown>>>();
        for (const each of results) {
          const name = `${each[0]} ${each[1].start}`;
          expect(table.get(name)?.[1].final ?? false).toBe(false);
          if (each[1].value === undefined) expect(table.delete(name)).toBe(true);
          else table.set(name, each);
        }
        expect(sorted([...table.values()].map(shown))).toEqual(wanted(truth.all));
        if (drawn.bounded) expect(run.entries.sessions ?? 0).toBe(0);
      }),
      propertySettings(100),
    );
  });
});
