import fc from 'fast-check';
import type { Timed } from './offline.js';
import type { Crash, PlannedRead } from './runPlan.js';

/** Partitions, how batches read them, and what happens in between. */
export interface Case {
  readonly partitions: readonly (readonly Timed[])[];
  readonly plan: readonly PlannedRead[];
  readonly crashes: readonly Crash[];
  readonly bounded: boolean;
  readonly window: number;
  readonly slide: number;
  readonly offset: number;
  readonly outOfOrderness: number;
  readonly allowedLateness: number;
}

const nearby = fc.integer({ min: -12, max: 14 });
// Ties, steps that reach window edges, disorder within and beyond what is allowed, gaps of a few windows and of years.
const step = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 12, arbitrary: nearby },
  { weight: 2, arbitrary: fc.integer({ min: -60, max: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom(500, 40_000_000_000) },
);

const partition = fc
  .record({
    start: fc.integer({ min: 0, max: 100 }),
    steps: fc.array(fc.tuple(step, fc.constantFrom('a', 'b', 'c')), { maxLength: 14 }),
  })
  .map(({ start, steps }) => {
    let time = start;
    return steps.map(([by, key], i): Timed => {
      time = Math.max(0, time + by);
      return [time, key, i];
    });
  });

/** In which order, and how many at once, records are read: partition numbers, `-1` for the end of a batch. */
const readings = fc.record({
  kind: fc.constantFrom('one batch', 'one by one', 'forwards', 'backwards', 'random'),
  order: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 10, maxLength: 60 }),
});

export const cases: fc.Arbitrary<Case> = fc
  .record({
    drawn: fc.array(partition, { minLength: 1, maxLength: 4 }),
    readings,
    crashes: fc.array(fc.constantFrom<Crash>('none', 'none', 'before', 'after'), { maxLength: 70 }),
    bounded: fc.boolean(),
    window: fc.integer({ min: 1, max: 24 }),
    slide: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })),
    offset: fc.integer({ min: -40, max: 40 }),
    outOfOrderness: fc.constantFrom(0, 0, 1, 5, 12),
    allowedLateness: fc.constantFrom(0, 0, 3, 20),
  })
  .map(({ drawn, readings: { kind, order }, slide, ...rest }) => {
    // Values are unique, so that a record that is counted twice or not at all shows.
    const partitions = drawn.map((records, p) =>
      records.map(([time, key, value]): Timed => [time, key, value + 100 * p]),
    );
    const plan = planOf(partitions, kind, order, rest.bounded);
    return { ...rest, partitions, slide: slide === 0 ? rest.window : slide, plan };
  });

function planOf(
  partitions: readonly (readonly Timed[])[],
  kind: string,
  order: readonly number[],
  bounded: boolean,
): readonly PlannedRead[] {
  const lengths = partitions.map(({ length }) => length);
  const inTurn = lengths.flatMap((length, p) => new Array<number>(length).fill(p));
  const separated = (all: readonly number[]) => all.flatMap((p) => [p, -1]);
  const orders: Record<string, readonly number[]> = {
    'one batch': inTurn,
    'one by one': separated(inTurn.map((_, i) => i % lengths.length)),
    forwards: separated(inTurn),
    backwards: separated([...inTurn].reverse()),
    random: order,
  };
  const reads: number[][] = [];
  const until = lengths.map(() => 0);
  for (const p of [...(orders[kind] as readonly number[]), -1]) {
    if (p < 0) reads.push([...until]);
    else if ((until[p] ?? Infinity) < (lengths[p] ?? 0)) until[p] = (until[p] as number) + 1;
  }
  // Whatever is left, and a batch after it.
  reads.push(lengths, lengths);
  const endOf = (offset: number, p: number) =>
    offset < (lengths[p] as number) ? 'open' : bounded ? 'ended' : 'caughtUp';
  return reads.map((read) => read.map((offset, p) => ({ until: offset, end: endOf(offset, p) })));
}
