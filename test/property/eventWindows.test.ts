import {
  aggregateByEventWindow,
  aggregateByKeyAndEventWindow,
  Batch,
  deduplicate,
  eventTime,
  filterBatches,
  filterRecords,
  flatMapRecords,
  groupByKeyAndEventWindow,
  type LateRecord,
  mapRecords,
  type Pair,
  partitionBy,
  reduceByKeyAndEventWindow,
  repartition,
  sideOutput,
  unionBatches,
  type WindowResult,
  type WindowUpdate,
} from 'dstream';
import { count, first, max, mean, sum, topN } from 'dstream/aggregators';
import fc from 'fast-check';
import { map, type OperatorFunction, share, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Case, cases } from '../eventtime/cases.js';
import { type OfflineWindow, offline, type Timed } from '../eventtime/offline.js';
import { type Made, runPlan } from '../eventtime/runPlan.js';
import { propertySettings } from './settings.js';

// Event-time windows against a computation that knows no batches: any partitions, any plan of batches, crashes before and after batches
// are saved. The results must not depend on the plan.

type Value = Pair<string, number>;

/** What may be between `eventTime` and the windows, without changing anything. */
const between: readonly OperatorFunction<Batch<Value>, Batch<Value>>[] = [
  (source) => source,
  tap(),
  share(),
  repartition<Value>(3),
  partitionBy<string, number>(2),
  filterBatches<Value>(() => true),
  // Values are unique.
  deduplicate<Value>(([, value]) => value, { window: 1_000, id: 'seen' }),
  (source) =>
    source.pipe(
      flatMapRecords((record) => [record, record]),
      filterOdd(),
    ),
];

/** Keeps the first of two equal records. */
function filterOdd(): OperatorFunction<Batch<Value>, Batch<Value>> {
  let i = 0;
  return filterRecords<Value>(() => i++ % 2 === 0);
}

type Windows = OperatorFunction<Batch<Value>, Batch<Pair<string, WindowResult<unknown>>>>;
type Options = Pick<Case, 'window' | 'slide' | 'offset' | 'allowedLateness'> & {
  readonly id: string;
  readonly late: ReturnType<typeof lateOutput>;
};

const lateOutput = () => sideOutput<LateRecord<Value>>();
const values = ({ records }: OfflineWindow) => records.map(([, , value]) => value);
const total = (window: OfflineWindow) => values(window).reduce((a, b) => a + b, 0);

/** Each operator, and what it must result in for the records of a window. */
const operators: Readonly<
  Record<string, readonly [(options: Options) => Windows, (window: OfflineWindow) => unknown]>
> = {
  'a sum, which has an inverse': [(options) => aggregateByKeyAndEventWindow(sum(), options), total],
  'a mean': [
    (options) => aggregateByKeyAndEventWindow(mean(), options),
    (window) => total(window) / window.records.length,
  ],
  'a maximum, in two stacks': [
    (options) => aggregateByKeyAndEventWindow(max(), options),
    (window) => Math.max(...values(window)),
  ],
  'the first, by event time': [
    (options) => aggregateByKeyAndEventWindow(first(), options),
    (window) => values(window)[0],
  ],
  'the first of equal ones': [
    (options) =>
      aggregateByKeyAndEventWindow(
        topN(2, () => 0),
        options,
      ),
    (window) => values(window).slice(0, 2),
  ],
  reduceByKeyAndEventWindow: [(options) => reduceByKeyAndEventWindow((a, b) => a + b, options), total],
  'reduceByKeyAndEventWindow with an inverse': [
    (options) => reduceByKeyAndEventWindow((a, b) => a + b, { ...options, inverse: (a, b) => a - b }),
    total,
  ],
  groupByKeyAndEventWindow: [(options) => groupByKeyAndEventWindow(options), values],
};

function made<W extends WindowResult<unknown> = WindowResult<unknown>>(
  { window, slide, offset, outOfOrderness, allowedLateness }: Case,
  windows: (options: Options) => OperatorFunction<Batch<Value>, Batch<Pair<string, W>>>,
  passing: OperatorFunction<Batch<Value>, Batch<Value>>,
): Made<Timed, Pair<string, W>, LateRecord<Value>> {
  const late = lateOutput();
  const operator: Made<Timed, Pair<string, W>, never>['operator'] = (source) =>
    source.pipe(
      eventTime({ timestamp: ([time]) => time, outOfOrderness, idleAfter: Infinity, future: Infinity, id: 'time' }),
      mapRecords(([, key, value]) => [key, value]),
      passing,
      windows({ window, slide, offset, allowedLateness, late, id: 'windows' }),
    );
  return { operator, late };
}

const sorted = (results: readonly unknown[]) => results.map((each) => JSON.stringify(each)).sort();

describe.each(Object.entries(operators))('%s', (_, [windows, expected]) => {
  it('depends on the records of each partition and not on batches and crashes', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(...between), (drawn, passing) => {
        const { partitions, plan, crashes } = drawn;
        const truth = offline(partitions, drawn);
        const run = runPlan(partitions, plan, crashes, () => made(drawn, windows, passing));

        const results = run.results.flat();
        const wanted = truth.windows.map((each) => [
          each.key,
          { start: each.start, end: each.end, value: expected(each) },
        ]);
        expect(sorted(results)).toEqual(sorted(wanted));
        const ends = results.map(([, { end }]) => end);
        expect(ends).toEqual([...ends].sort((a, b) => a - b));

        const late = run.late.map(({ record: [, value], time, reason }) => [time, value, reason]);
        expect(sorted(late)).toEqual(sorted(truth.late.map(([time, , value]) => [time, value, 'late'])));
        expect(run.counts).toEqual({ late: truth.late.length, partlyLate: truth.partlyLate, invalid: 0 });

        if (drawn.bounded) {
          expect(run.entries.time).toBe(partitions.length + 1);
          expect(run.entries.windows ?? 0).toBe(0);
        }
      }),
      propertySettings(200),
    );
  });
});

it('aggregateByEventWindow depends on the records of each partition and not on batches and crashes', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { partitions, plan, crashes, window, slide, offset, allowedLateness } = drawn;
      const alone = partitions.map((records) => records.map(([time, , value]): Timed => [time, '', value]));
      const make = () => {
        const late = sideOutput<LateRecord<Timed>>();
        const { outOfOrderness } = drawn;
        const operator = (source: Parameters<ReturnType<typeof eventTime<Timed>>>[0]) =>
          source.pipe(
            eventTime<Timed>({
              timestamp: ([time]) => time,
              outOfOrderness,
              idleAfter: Infinity,
              future: Infinity,
              id: 'time',
            }),
            aggregateByEventWindow(count(), { window, slide, offset, allowedLateness, late, id: 'windows' }),
          );
        return { operator, late };
      };
      const truth = offline(alone, drawn);
      const run = runPlan(alone, plan, crashes, make);
      const wanted = truth.windows.map(({ start, end, records }) => ({ start, end, value: records.length }));
      expect(sorted(run.results.flat())).toEqual(sorted(wanted));
      expect(run.late.map(({ time }) => time).sort()).toEqual(truth.late.map(([time]) => time).sort());
    }),
    propertySettings(200),
  );
});

it('unionBatches goes by the watermark of the slowest stream', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { partitions, plan, crashes, window, slide, offset, outOfOrderness, allowedLateness } = drawn;
      fc.pre(partitions.length > 1);
      const make = (): Made<Timed, Pair<string, WindowResult<number>>, LateRecord<Value>> => {
        const late = lateOutput();
        const timed = (id: string) =>
          eventTime<Timed>({ timestamp: ([time]) => time, outOfOrderness, idleAfter: Infinity, future: Infinity, id });
        const pair = mapRecords(([, key, value]: Timed) => [key, value]);
        return {
          late,
          operator: (source) => {
            const half = (odd: number) =>
              source.pipe(
                map(
                  ({ partitions: all, context }) =>
                    new Batch(
                      all.filter(({ index }) => index % 2 === odd),
                      context,
                    ),
                ),
              );
            return half(0).pipe(
              timed('even'),
              pair,
              unionBatches(half(1).pipe(timed('odd'), pair)),
              aggregateByKeyAndEventWindow(sum(), { window, slide, offset, allowedLateness, late, id: 'windows' }),
            );
          },
        };
      };
      const truth = offline(partitions, drawn);
      const run = runPlan(partitions, plan, crashes, make);
      const wanted = truth.windows.map((each) => [each.key, { start: each.start, end: each.end, value: total(each) }]);
      expect(sorted(run.results.flat())).toEqual(sorted(wanted));
      expect(sorted(run.late.map(({ record: [, value] }) => value))).toEqual(
        sorted(truth.late.map(([, , value]) => value)),
      );
    }),
    propertySettings(200),
  );
});

/** Each operator that comes before it is final, and what it must result in. */
const updating: Readonly<
  Record<
    string,
    readonly [
      (options: Options, emit: 'corrections' | 'changes') => OperatorFunction<Batch<Value>, Batch<Update>>,
      (window: OfflineWindow) => unknown,
    ]
  >
> = {
  'a sum': [(options, emit) => aggregateByKeyAndEventWindow(sum(), { ...options, emit }), total],
  'a maximum': [
    (options, emit) => aggregateByKeyAndEventWindow(max(), { ...options, emit }),
    (window) => Math.max(...values(window)),
  ],
  groupByKeyAndEventWindow: [(options, emit) => groupByKeyAndEventWindow({ ...options, emit }), values],
};

type Update = Pair<string, WindowUpdate<unknown>>;

describe.each(Object.entries(updating))('%s that comes before it is final', (_, [windows, expected]) => {
  it('comes last as it is when everything has been read', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom('corrections', 'changes'), (drawn, emit) => {
        const { partitions, plan, crashes } = drawn;
        const truth = offline(partitions, drawn);
        const run = runPlan(partitions, plan, crashes, () => {
          return made<WindowUpdate<unknown>>(
            drawn,
            (options) => windows(options, emit),
            (source) => source,
          );
        });
        const results = run.results.flat();
        const wanted = (all: readonly OfflineWindow[]) =>
          sorted(all.map((each) => [each.key, each.start, each.end, expected(each)]));
        const shown = ([key, { start, end, value }]: Update) => [key, start, end, value];
        expect(sorted(results.filter(([, { final }]) => final).map(shown))).toEqual(wanted(truth.windows));

        const last = new Map(results.map((each) => [`${each[0]} ${each[1].start}`, each]));
        // None comes after the final one, and none twice with one batch.
        const isFinal = (start: number) => truth.windows.some((each) => each.start === start);
        for (const [, { start, final }] of last.values()) expect(final).toBe(isFinal(start));
        for (const batch of run.results) {
          const names = batch.map(([key, { start }]) => `${key} ${start}`);
          expect(new Set(names).size).toBe(names.length);
        }
        expect(sorted([...last.values()].map(shown))).toEqual(wanted(emit === 'changes' ? truth.all : truth.ended));
        if (drawn.bounded) expect(run.entries.windows ?? 0).toBe(0);
      }),
      propertySettings(100),
    );
  });
});
