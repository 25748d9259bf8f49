import {
  type Batch,
  eventSessionWindow,
  eventTime,
  type LateRecord,
  mapRecords,
  type Pair,
  repartition,
  type Session,
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
type Sessions = OperatorFunction<Batch<Value>, Batch<Pair<string, Session<unknown>>>>;

const values = ({ records }: OfflineWindow) => records.map(([, , value]) => value);

const operators: Readonly<
  Record<string, readonly [(gap: number, late: Late) => Sessions, (window: OfflineWindow) => unknown]>
> = {
  'all values, by event time': [
    (gap, late) => eventSessionWindow<string, number>({ gap, late, id: 'sessions' }),
    values,
  ],
  'a sum': [
    (gap, late) => eventSessionWindow({ gap, aggregator: sum(), late, id: 'sessions' }),
    (window) => values(window).reduce((a, b) => a + b, 0),
  ],
};

const between: readonly OperatorFunction<Batch<Value>, Batch<Value>>[] = [
  (source) => source,
  tap(),
  repartition<Value>(3),
];

function made(
  { outOfOrderness, window: gap }: Case,
  sessions: (gap: number, late: Late) => Sessions,
  passing: OperatorFunction<Batch<Value>, Batch<Value>>,
): Made<Timed, Pair<string, Session<unknown>>, LateRecord<Value>> {
  const late = sideOutput<LateRecord<Value>>();
  return {
    late,
    operator: (source) =>
      source.pipe(
        eventTime({ timestamp: ([time]) => time, outOfOrderness, idleAfter: Infinity, future: Infinity, id: 'time' }),
        mapRecords(([, key, value]) => [key, value]),
        passing,
        sessions(gap, late),
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
