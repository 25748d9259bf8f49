// The stream and itself: half a million records of different keys on either side.
import { type OperatorFunction, tap } from 'rxjs';
import {
  asOfJoin,
  type Batch,
  cogroup,
  eventTime,
  fullOuterJoin,
  intervalJoin,
  join,
  joinTable,
  leftOuterJoin,
  type Pair,
  rightOuterJoin,
  transformBatches,
} from '../../src/index.js';
import { grouped } from './byKey.js';
import { type Compared, compared, type Numbers, type Parts, pairs, total } from './compared.js';

const half = (): Parts<Numbers> => pairs(total / 2, total / 2);

/** What stays of a key that one side does not have. */
function joined(parts: Parts<Numbers>, left: boolean, right: boolean): Parts<Pair<string, readonly [number, number]>> {
  const [lefts, rights] = [grouped(parts), grouped(parts)];
  const all: Pair<string, readonly [number, number]>[] = [];
  for (const [key, values] of lefts) {
    const others = rights.get(key);
    if (others) for (const value of values) for (const other of others) all.push([key, [value, other]]);
    else if (left) for (const value of values) all.push([key, [value, 0]]);
  }
  if (right) {
    for (const [key, others] of rights) if (!lefts.has(key)) for (const other of others) all.push([key, [0, other]]);
  }
  return [all];
}

type Matched = Pair<string, { left: number; right: number; leftTime: number; rightTime: number }>;

function atBatchTime(): () => OperatorFunction<Batch<Numbers>, Batch<Numbers>> {
  let now = 0;
  return () => (source) =>
    source.pipe(
      tap(({ context }) => {
        now = context.time;
      }),
      eventTime({ timestamp: () => now, outOfOrderness: 0 }),
    );
}

function matched(parts: Parts<Numbers>, time: number): Parts<Matched> {
  const [lefts, rights] = [grouped(parts), grouped(parts)];
  const all: Matched[] = [];
  for (const [key, values] of lefts) {
    for (const left of values) {
      for (const right of rights.get(key) ?? []) all.push([key, { left, right, leftTime: time, rightTime: time }]);
    }
  }
  return [all];
}

/** With the last of those of the same time. */
function newest(parts: Parts<Numbers>, time: number): Parts<Matched> {
  const last = new Map<string, number>();
  for (const records of parts) for (const [key, value] of records) last.set(key, value);
  return [
    parts.flatMap((records) =>
      records.map(([key, left]): Matched => {
        return [key, { left, right: last.get(key) as number, leftTime: time, rightTime: time }];
      }),
    ),
  ];
}

export const twoStreams: Readonly<Record<string, Compared>> = {
  transformBatches: compared<Numbers, Numbers>(
    half,
    (source) => transformBatches(source, (records, others) => records.concat(others)),
    () => (parts) => {
      const all: Numbers[] = [];
      for (const records of [...parts, ...parts]) for (const record of records) all.push(record);
      return [all];
    },
  ),
  cogroup: compared<Numbers, unknown>(
    half,
    (source) => cogroup(source),
    () => (parts) => {
      const [lefts, rights] = [grouped(parts), grouped(parts)];
      const all: unknown[] = [];
      for (const [key, values] of lefts) all.push([key, [values, rights.get(key) ?? []]]);
      for (const [key, others] of rights) if (!lefts.has(key)) all.push([key, [[], others]]);
      return [all];
    },
  ),
  // The event time of every record is its batch time.
  intervalJoin: compared<Numbers, unknown>(
    half,
    (source) => {
      const timed = atBatchTime();
      return (lefts) => lefts.pipe(timed(), intervalJoin(source.pipe(timed()), { lower: 0, upper: 0 }));
    },
    () => (parts, time) => matched(parts, time),
  ),
  asOfJoin: compared<Numbers, unknown>(
    half,
    (source) => {
      const timed = atBatchTime();
      return (lefts) => lefts.pipe(timed(), asOfJoin(source.pipe(timed()), { join: 'inner' }));
    },
    () => {
      let before: Parts<Numbers> = [];
      return (parts, time) => {
        const results = newest(before, time - 1);
        before = parts;
        return results;
      };
    },
  ),
  join: compared<Numbers, unknown>(
    half,
    (source) => join(source),
    () => (parts) => joined(parts, false, false),
  ),
  joinTable: compared<Numbers, unknown>(
    half,
    (source) => joinTable(source),
    () => {
      const table = new Map<string, number>();
      return (parts) => {
        for (const records of parts) for (const [key, row] of records) table.set(key, row);
        const all: unknown[] = [];
        for (const records of parts) {
          for (const [key, value] of records) {
            const row = table.get(key);
            if (row !== undefined) all.push([key, [value, row]]);
          }
        }
        return [all];
      };
    },
  ),
  leftOuterJoin: compared<Numbers, unknown>(
    half,
    (source) => leftOuterJoin(source),
    () => (parts) => joined(parts, true, false),
  ),
  rightOuterJoin: compared<Numbers, unknown>(
    half,
    (source) => rightOuterJoin(source),
    () => (parts) => joined(parts, false, true),
  ),
  fullOuterJoin: compared<Numbers, unknown>(
    half,
    (source) => fullOuterJoin(source),
    () => (parts) => joined(parts, true, true),
  ),
};
