// The stream and itself: half a million records of different keys on either side.
import {
  cogroup,
  fullOuterJoin,
  join,
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
  join: compared<Numbers, unknown>(
    half,
    (source) => join(source),
    () => (parts) => joined(parts, false, false),
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
