import { deduplicateByEventTime, eventTime, type LateRecord, sideOutput } from 'dstream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Case, cases } from '../eventtime/cases.js';
import type { Timed } from '../eventtime/offline.js';
import { type Made, runPlan } from '../eventtime/runPlan.js';
import { propertySettings } from './settings.js';

// Duplicates by event time against the records of each partition alone: what passes must not depend on the plan.

function made({ outOfOrderness }: Case, within: number): Made<Timed, Timed, LateRecord<Timed>> {
  const late = sideOutput<LateRecord<Timed>>();
  return {
    late,
    operator: (source) =>
      source.pipe(
        eventTime<Timed>({
          timestamp: ([time]) => time,
          outOfOrderness,
          idleAfter: Infinity,
          future: Infinity,
          id: 'time',
        }),
        deduplicateByEventTime(([, key]) => key, { within, late, id: 'seen' }),
      ),
  };
}

/** By the watermark of their own partition just before them. */
function split({ partitions, outOfOrderness }: Case): {
  readonly onTime: readonly Timed[];
  readonly late: readonly Timed[];
} {
  const [onTime, late]: [Timed[], Timed[]] = [[], []];
  for (const records of partitions) {
    let newest = -Infinity;
    for (const record of records) {
      (record[0] < newest - outOfOrderness ? late : onTime).push(record);
      newest = Math.max(newest, record[0]);
    }
  }
  return { onTime, late };
}

const idAndTime = ([time, key]: Timed) => `${key} ${time}`;
const numberIn = ([, , value]: Timed) => value;

it('passes each id and event time once, whatever the batches and crashes', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      const { partitions, plan, crashes } = drawn;
      const { onTime, late } = split(drawn);
      const run = runPlan(partitions, plan, crashes, () => made(drawn, 0));
      expect(run.results.flat().map(idAndTime).sort()).toEqual([...new Set(onTime.map(idAndTime))].sort());
      expect(run.late.map(({ record }) => numberIn(record)).sort()).toEqual(late.map(numberIn).sort());
      expect(run.counts.late).toBe(late.length);
      if (drawn.bounded) expect(run.entries.seen ?? 0).toBe(0);
    }),
    propertySettings(300),
  );
});

it('passes one of those that are near each other, and leaves out only what is near one that has passed', () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 30 }), (drawn, within) => {
      const { partitions, plan, crashes } = drawn;
      const passed = runPlan(partitions, plan, crashes, () => made(drawn, within)).results.flat();
      const near = (a: Timed, b: Timed) => a[1] === b[1] && Math.abs(a[0] - b[0]) <= within;
      for (const [i, record] of passed.entries()) expect(passed.findIndex((other) => near(record, other))).toBe(i);
      const left = split(drawn).onTime.filter(
        (record) => !passed.some((other) => numberIn(other) === numberIn(record)),
      );
      for (const record of left) expect(passed.some((other) => near(record, other))).toBe(true);
    }),
    propertySettings(300),
  );
});
