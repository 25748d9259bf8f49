import {
  type Batch,
  type BatchInfo,
  batchesFrom,
  batchesSource,
  concatMapBatch,
  filterBatches,
  foreachBatch,
  mapRecords,
  unionBatches,
} from 'dstream';
import fc from 'fast-check';
import { map, type Observable, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';

const interval = 10;

interface Side {
  /** Which source, modulo how many there are. */
  readonly source: number;
  /** Which batches it swallows, by number. */
  readonly swallowed: readonly number[];
  /** For how long each batch is worked on before, ms; 0 is synchronous. */
  readonly delay: number;
}

interface Case {
  /** How many batches each source has. */
  readonly sources: readonly number[];
  readonly sides: readonly Side[];
  readonly concurrentBatches: number;
  /** For how long the effect on a row takes, ms. */
  readonly effect: number;
  /** Whether the last two streams are put together first. */
  readonly nested: boolean;
}

const cases = fc.record<Case>({
  sources: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 }),
  sides: fc.array(
    fc.record({
      source: fc.nat(2),
      swallowed: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
      delay: fc.constantFrom(0, 0, 3, 25),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  concurrentBatches: fc.integer({ min: 1, max: 3 }),
  effect: fc.constantFrom(0, 4, 35),
  nested: fc.boolean(),
});

interface Row {
  readonly time: number;
  readonly records: readonly string[];
}

type Streams = Pick<Case, 'sources' | 'sides'>;

const countOf = (sources: readonly number[], { source }: Side) => sources[source % sources.length] ?? 0;

/** Whether any stream has a batch i. A source that has ended has empty ones, which nobody swallows, as long as another goes on. */
const isInRow = ({ sources, sides }: Streams, i: number) =>
  sides.some((side) => i > countOf(sources, side) || !side.swallowed.includes(i));

/** Which rows there are, from the numbers alone. */
function recompute({ sources, sides }: Streams): readonly Row[] {
  const rows: Row[] = [];
  for (let i = 1; i <= Math.max(...sources); i++) {
    if (!isInRow({ sources, sides }, i)) continue;
    const records = sides.flatMap((side, index) => {
      return i <= countOf(sources, side) && !side.swallowed.includes(i) ? [`${index}:${i}`] : [];
    });
    rows.push({ time: i * interval, records });
  }
  return rows;
}

interface Running {
  readonly rows: Observable<Row>;
  readonly scheduler: TestScheduler;
  /** Stops the driver, gracefully. */
  stop(): void;
}

interface Ran {
  /** What the driver reported of its batches. */
  readonly infos: readonly BatchInfo[];
  /** When the effect on each row had settled. */
  readonly settled: ReadonlyMap<number, number>;
}

/** Builds the pipeline, lets `act` do with it what it likes, and goes to the end of it in virtual time. */
function run(given: Case, act: (running: Running) => void, failAt?: number): Ran {
  const { sources, sides, concurrentBatches, effect, nested } = given;
  const infos: BatchInfo[] = [];
  const settled = new Map<number, number>();
  let failures = 1;
  const scheduler = new TestScheduler(() => {});
  scheduler.run(({ flush }) => {
    const named = sources.map((count, i) => {
      const batches = Array.from({ length: count }, (_, n) => [n + 1]);
      return [`source ${i}`, batchesSource(batches, { partitions: 1 })] as const;
    });
    const batchObserver = { next: (info: BatchInfo) => void infos.push(info) };
    const streams = batchesFrom(Object.fromEntries(named), { interval, concurrentBatches, batchObserver });
    const [first, ...others] = sides.map(({ source, swallowed, delay }, side) => {
      const stream = streams[`source ${source % sources.length}`] as Observable<Batch<number>>;
      const kept = stream.pipe(filterBatches(([i]) => !swallowed.includes(i ?? 0)));
      const worked = concatMapBatch<number, number>((records) => timer(delay).pipe(map(() => records)));
      return (delay > 0 ? kept.pipe(worked) : kept).pipe(mapRecords((i) => `${side}:${i}`));
    }) as [Observable<Batch<string>>, ...Observable<Batch<string>>[]];
    const last = others.pop() as Observable<Batch<string>>;
    const before = others.pop();
    const [inner, rest] =
      nested && before ? [before.pipe(unionBatches(last)), others] : [last, before ? [...others, before] : others];
    const rows = first.pipe(
      unionBatches(...rest, inner),
      foreachBatch((_, { time }) => {
        if (time === failAt && failures-- > 0) throw new Error('boom');
        return effect > 0 ? timer(effect).pipe(map(() => settled.set(time, scheduler.now()))) : [];
      }),
      map(({ context, records }): Row => ({ time: context.time, records: [...records].sort() })),
    );
    const stop = () => {
      for (const stream of Object.values(streams)) void stream.stop({ drainTimeout: 10_000 });
    };
    act({ rows, scheduler, stop });
    flush();
  });
  return { infos, settled };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) * interval);

function collect(rows: Observable<Row>, events: (Row | string)[]) {
  return rows.subscribe({
    next: (row) => events.push(row),
    error: ({ message }: Error) => events.push(message),
    complete: () => events.push('complete'),
  });
}

/** The same rows, of a run that began later. */
const shifted = (rows: readonly Row[], by: number) => rows.map(({ time, records }) => ({ time: time + by, records }));

describe('streams of one driver, of any sources, delays and gaps', () => {
  it('come together as plain recomputation says', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const events: (Row | string)[] = [];
        const { infos, settled } = run(given, ({ rows }) => collect(rows, events));
        expect(events).toEqual([...recompute(given), 'complete']);
        expect(infos.map(({ time }) => time)).toEqual(upTo(Math.max(...given.sources)));
        for (const { time, processingEndTime } of infos) {
          // No batch is complete before the effect on its row has settled.
          expect(processingEndTime).toBeGreaterThanOrEqual(settled.get(time) ?? 0);
        }
      }),
      propertySettings(),
    );
  });

  it('finish what has begun when they are stopped', () => {
    fc.assert(
      fc.property(cases, fc.nat(6), (given, stopAfter) => {
        const events: (Row | string)[] = [];
        const { infos } = run(given, ({ rows, scheduler, stop }) => {
          collect(rows, events);
          scheduler.schedule(stop, stopAfter * interval + interval / 2);
        });
        const expected = recompute(given).filter(({ time }) => time <= stopAfter * interval);
        expect(events).toEqual([...expected, 'complete']);
        expect(infos.map(({ time }) => time)).toEqual(upTo(Math.min(Math.max(...given.sources), stopAfter)));
      }),
      propertySettings(500),
    );
  });

  it('give nothing more when they are unsubscribed, and begin clean when they are subscribed to again', () => {
    fc.assert(
      fc.property(cases, fc.nat(80), (given, after) => {
        const events: (Row | string)[] = [];
        const again: (Row | string)[] = [];
        const later = 1_000;
        run(given, ({ rows, scheduler }) => {
          const subscription = collect(rows, events);
          scheduler.schedule(() => subscription.unsubscribe(), after);
          scheduler.schedule(() => collect(rows, again), later + interval / 2);
        });
        const all = [...recompute(given), 'complete'];
        expect(events).toEqual(all.slice(0, events.length));
        expect(again).toEqual([...shifted(recompute(given), later), 'complete']);
      }),
      propertySettings(500),
    );
  });

  it('save nothing from a row on whose effect fails, and begin anew afterwards', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 5 }), (given, failing) => {
        const failAt = failing * interval;
        const expected = recompute(given);
        const events: (Row | string)[] = [];
        const again: (Row | string)[] = [];
        const later = 1_000;
        const { infos } = run(
          given,
          ({ rows, scheduler }) => {
            collect(rows, events);
            scheduler.schedule(() => collect(rows, again), later + interval / 2);
          },
          failAt,
        );
        const fails = expected.some(({ time }) => time === failAt);
        // The rows before may not have settled yet: they are given up with it, not passed on.
        const before = expected.filter(({ time }) => !fails || time < failAt);
        const passed = events.slice(0, -1) ?? [];
        expect(events.at(-1)).toBe(fails ? 'boom' : 'complete');
        expect(passed).toEqual(before.slice(0, fails ? passed.length : before.length));
        expect(again).toEqual([...shifted(expected, later), 'complete']);
        const saved = infos.filter(({ time }) => time < later).map(({ time }) => time);
        if (fails) expect(saved).toEqual(saved.filter((time) => time < failAt));
      }),
      propertySettings(500),
    );
  });
});
