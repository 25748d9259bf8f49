import {
  type Batch,
  type BatchInfo,
  concatMapBatch,
  filterBatches,
  foreachBatch,
  fromBatches,
  mapRecords,
  unionBatches,
} from 'dstream';
import fc from 'fast-check';
import { map, type Observable, share, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';

const interval = 10;

interface Side {
  /** Which driver, modulo how many there are. */
  readonly driver: number;
  /** Which batches it swallows, by number. */
  readonly swallowed: readonly number[];
  /** For how long each batch is worked on before, ms; 0 is synchronous. */
  readonly delay: number;
}

interface Case {
  /** How many batches each driver has. */
  readonly drivers: readonly number[];
  readonly sides: readonly Side[];
  readonly concurrentBatches: number;
  /** For how long the effect on a row takes, ms. */
  readonly effect: number;
  /** Whether the last two streams are put together first. */
  readonly nested: boolean;
}

const cases = fc.record<Case>({
  drivers: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 }),
  sides: fc.array(
    fc.record({
      driver: fc.nat(2),
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

/** Which rows there are, from the numbers alone. */
function recompute({ drivers, sides }: Case): readonly Row[] {
  const rows: Row[] = [];
  for (let i = 1; i <= Math.max(...drivers); i++) {
    const records = sides.flatMap(({ driver, swallowed }, side) =>
      i > (drivers[driver % drivers.length] ?? 0) || swallowed.includes(i) ? [] : [`${side}:${i}`],
    );
    if (records.length > 0) rows.push({ time: i * interval, records });
  }
  return rows;
}

function run({ drivers, sides, concurrentBatches, effect, nested }: Case) {
  const rows: Row[] = [];
  const infos = drivers.map((): BatchInfo[] => []);
  const settled = new Map<number, number>();
  let completed = false;
  const scheduler = new TestScheduler(() => {});
  scheduler.run(({ flush }) => {
    const streams = drivers.map((count, driver) => {
      const batches = Array.from({ length: count }, (_, i) => [i + 1]);
      const batchObserver = { next: (info: BatchInfo) => infos[driver]?.push(info) };
      return fromBatches(batches, { interval, concurrentBatches, batchObserver, partitions: 1 }).pipe(share());
    });
    const [first, ...others] = sides.map(({ driver, swallowed, delay }, side) => {
      const stream = streams[driver % drivers.length] as Observable<Batch<number>>;
      const kept = stream.pipe(filterBatches(([i]) => !swallowed.includes(i ?? 0)));
      const worked = concatMapBatch<number, number>((records) => timer(delay).pipe(map(() => records)));
      return (delay > 0 ? kept.pipe(worked) : kept).pipe(mapRecords((i) => `${side}:${i}`));
    }) as [Observable<Batch<string>>, ...Observable<Batch<string>>[]];
    const last = others.pop() as Observable<Batch<string>>;
    const before = others.pop();
    const [inner, rest] =
      nested && before ? [before.pipe(unionBatches(last)), others] : [last, before ? [...others, before] : others];
    first
      .pipe(
        unionBatches(...rest, inner),
        foreachBatch((_, { time }) =>
          effect > 0 ? timer(effect).pipe(map(() => settled.set(time, scheduler.now()))) : [],
        ),
      )
      .subscribe({
        next: ({ context, records }) => rows.push({ time: context.time, records: [...records].sort() }),
        complete: () => {
          completed = true;
        },
      });
    flush();
  });
  return { rows, infos, settled, completed };
}

it('streams of any drivers, delays and gaps come together as plain recomputation says', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const { rows, infos, settled, completed } = run(given);
      expect({ rows, completed }).toEqual({ rows: recompute(given), completed: true });
      // A driver of which no stream is used is not run at all.
      const used = new Set(given.sides.map(({ driver }) => driver % given.drivers.length));
      infos.forEach((own, driver) => {
        const count = used.has(driver) ? given.drivers[driver] : 0;
        expect(own.map(({ time }) => time)).toEqual(Array.from({ length: count ?? 0 }, (_, i) => (i + 1) * interval));
        for (const { time, processingEndTime } of own) {
          const sides = given.sides.filter((side) => side.driver % given.drivers.length === driver);
          const inRow = sides.some(({ swallowed }) => !swallowed.includes(time / interval));
          // No batch is complete before the effect on its row has settled.
          if (inRow) expect(processingEndTime).toBeGreaterThanOrEqual(settled.get(time) ?? 0);
        }
      });
    }),
    propertySettings(),
  );
});
