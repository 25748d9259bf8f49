import {
  type AsOfJoinKind,
  aggregateByEventWindow,
  asOfJoin,
  Batch,
  eventTime,
  type IntervalJoinKind,
  intervalJoin,
  type LateRecord,
  mapRecords,
  type Pair,
  repartition,
  sideOutput,
} from 'dstream';
import { count } from 'dstream/aggregators';
import fc from 'fast-check';
import { map, merge, type Observable, type OperatorFunction, tap } from 'rxjs';
import { expect, it } from 'vitest';
import { type Case, cases } from '../eventtime/cases.js';
import { onTime, type Timed } from '../eventtime/offline.js';
import { type Made, runPlan } from '../eventtime/runPlan.js';
import { propertySettings } from './settings.js';

// Joins by event time against a computation that knows no batches. Even partitions are the first stream, odd ones the other.

type Value = Pair<string, number>;
type Records = OperatorFunction<Batch<Value>, Batch<Value>>;
type LateOutput = ReturnType<typeof lateOutput>;
type Join = (
  other: Observable<Batch<Value>>,
  options: { readonly late: LateOutput; readonly lateOther: LateOutput; readonly id: string },
) => OperatorFunction<Batch<Value>, Batch<unknown>>;

const lateOutput = () => sideOutput<LateRecord<Value>>();
const between: readonly Records[] = [(source) => source, tap(), repartition<Value>(3)];

/** The results of the join or, where nothing may be late, of windows that count them. */
function made(
  { outOfOrderness }: Case,
  join: Join,
  passing: Records,
  behind: 'nothing' | 'windows',
): Made<Timed, unknown, LateRecord<unknown>> {
  const [late, lateOther, lateResults] = [lateOutput(), lateOutput(), sideOutput<LateRecord<unknown>>()];
  const timed =
    (id: string): OperatorFunction<Batch<Timed>, Batch<Value>> =>
    (source) =>
      source.pipe(
        eventTime({ timestamp: ([time]) => time, outOfOrderness, idleAfter: Infinity, future: Infinity, id }),
        mapRecords(([, key, value]) => [key, value]),
        passing,
      );
  const windows = aggregateByEventWindow<unknown, number, number>(count(), {
    window: 10,
    late: lateResults,
    id: 'counts',
  });
  return {
    late: behind === 'windows' ? lateResults : merge<Batch<LateRecord<unknown>>[]>(late, lateOther),
    operator: (source) => {
      const half = (odd: number) =>
        source.pipe(
          map(
            ({ partitions, context }) =>
              new Batch(
                partitions.filter(({ index }) => index % 2 === odd),
                context,
              ),
          ),
        );
      const joined = half(0).pipe(timed('even'), join(half(1).pipe(timed('odd')), { late, lateOther, id: 'join' }));
      return behind === 'windows' ? joined.pipe(windows) : joined;
    },
  };
}

const sorted = (all: readonly unknown[]) => all.map((each) => JSON.stringify(each)).sort();
const match = (key: string, left: Timed | undefined, right: Timed | undefined) => [
  key,
  { left: left?.[2], right: right?.[2], leftTime: left?.[0], rightTime: right?.[0] },
];

/** Compares what the plan results in with what it must; returns the number of entries that stay in the state of the join. */
function compare(
  drawn: Case,
  join: Join,
  passing: Records,
  wanted: (left: ReturnType<typeof onTime>, right: ReturnType<typeof onTime>) => readonly unknown[],
): number {
  const { partitions, plan, crashes } = drawn;
  const left = onTime(
    partitions.filter((_, i) => i % 2 === 0),
    drawn,
  );
  const right = onTime(
    partitions.filter((_, i) => i % 2 === 1),
    drawn,
  );
  const run = runPlan(partitions, plan, crashes, () => made(drawn, join, passing, 'nothing'));
  expect(sorted(run.results.flat())).toEqual(sorted(wanted(left, right)));
  const late = [...left.late, ...right.late];
  expect(sorted(run.late.map(({ time }) => time))).toEqual(sorted(late.map(([time]) => time)));
  expect(run.counts.late).toBe(late.length);
  expect(runPlan(partitions, plan, crashes, () => made(drawn, join, passing, 'windows')).late).toEqual([]);
  return run.entries.join ?? 0;
}

const several = cases.filter(({ partitions }) => partitions.length > 1);

it('intervalJoin depends on the records of each partition and not on batches and crashes', () => {
  fc.assert(
    fc.property(
      several,
      fc.constantFrom(...between),
      fc.constantFrom<IntervalJoinKind>('inner', 'left', 'right', 'full'),
      (drawn, passing, kind) => {
        const { offset: lower, window, bounded } = drawn;
        const upper = lower + window - 1;
        const join: Join = (other, options) =>
          intervalJoin<Value, number, IntervalJoinKind>(other, { lower, upper, join: kind, ...options });
        const entries = compare(drawn, join, passing, (left, right) => {
          const isPair = (one: Timed, two: Timed) =>
            one[1] === two[1] && two[0] - one[0] >= lower && two[0] - one[0] <= upper;
          const pairs = left.records.flatMap((one) =>
            right.records.filter((two) => isPair(one, two)).map((two) => match(one[1], one, two)),
          );
          const lefts = left.records.filter(
            (one) => right.watermark > one[0] + upper && !right.records.some((two) => isPair(one, two)),
          );
          const rights = right.records.filter(
            (two) => left.watermark > two[0] - lower && !left.records.some((one) => isPair(one, two)),
          );
          return [
            ...pairs,
            ...(kind === 'left' || kind === 'full' ? lefts.map((one) => match(one[1], one, undefined)) : []),
            ...(kind === 'right' || kind === 'full' ? rights.map((two) => match(two[1], undefined, two)) : []),
          ];
        });
        if (bounded) expect(entries).toBe(0);
      },
    ),
    propertySettings(100),
  );
});

it('asOfJoin depends on the records of each partition and not on batches and crashes', () => {
  fc.assert(
    fc.property(
      several,
      fc.constantFrom(...between),
      fc.constantFrom<AsOfJoinKind>('inner', 'left'),
      fc.constantFrom(0, 5, 30, Infinity),
      (drawn, passing, kind, maxAge) => {
        const join: Join = (other, options) =>
          asOfJoin<Value, number, AsOfJoinKind>(other, { maxAge, join: kind, ...options });
        let keys = 0;
        const entries = compare(drawn, join, passing, (left, right) => {
          keys = new Set(right.records.map(([, key]) => key)).size;
          const results = left.records
            .filter(([time]) => right.watermark > time)
            .map((one) => {
              const found = right.records
                .filter(([time, key]) => key === one[1] && time <= one[0])
                .reduce<Timed | undefined>((a, b) => (a !== undefined && a[0] > b[0] ? a : b), undefined);
              return [one, found && one[0] - found[0] <= maxAge ? found : undefined] as const;
            });
          return results
            .filter(([, found]) => found !== undefined || kind === 'left')
            .map(([one, found]) => match(one[1], one, found));
        });
        if (drawn.bounded) expect(entries).toBe(maxAge === Infinity ? keys : 0);
      },
    ),
    propertySettings(100),
  );
});
