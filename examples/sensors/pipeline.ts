import {
  type Aggregator,
  aggregateByKeyAndWindow,
  type Batch,
  mapRecords,
  transformBatch,
  updateStateByKey,
} from 'dstream';
import type { Observable } from 'rxjs';
import type { Reading } from './reading.js';

/** What a sensor has measured in some time. */
export interface Summary {
  readonly sensor: string;
  readonly last: number;
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  readonly readings: number;
}

interface Partial {
  readonly last: number;
  readonly least: number;
  readonly most: number;
  readonly sum: number;
  readonly readings: number;
}

/** Older partials come first, so the last reading is that of the newer one. */
const summary: Aggregator<number, Partial, Omit<Summary, 'sensor'>> = {
  name: 'summary',
  identity: { last: Number.NaN, least: Infinity, most: -Infinity, sum: 0, readings: 0 },
  lift: (celsius) => ({ last: celsius, least: celsius, most: celsius, sum: celsius, readings: 1 }),
  combine: (older, newer) => ({
    last: newer.readings > 0 ? newer.last : older.last,
    least: Math.min(older.least, newer.least),
    most: Math.max(older.most, newer.most),
    sum: older.sum + newer.sum,
    readings: older.readings + newer.readings,
  }),
  lower: ({ sum, ...rest }) => ({ ...rest, mean: Math.round((10 * sum) / rest.readings) / 10 }),
};

const bySensor = (all: readonly Summary[]) => [...all].sort((a, b) => (a.sensor < b.sensor ? -1 : 1));

/** Every second, what each sensor measured in the last ten. One that has sent nothing since is not listed. */
export function summaries(readings: Observable<Batch<Reading>>): Observable<Batch<Summary>> {
  return readings.pipe(
    mapRecords(({ sensor, celsius }) => [sensor, celsius]),
    aggregateByKeyAndWindow(summary, { id: 'last ten seconds', window: 10_000 }),
    mapRecords(([sensor, rest]): Summary => ({ sensor, ...rest })),
    transformBatch(bySensor),
  );
}

/** What each sensor has measured since the beginning, which a checkpoint keeps. */
export function history(readings: Observable<Batch<Reading>>): Observable<Batch<Summary>> {
  const { identity, lift, combine, lower } = summary;
  return readings.pipe(
    mapRecords(({ sensor, celsius }) => [sensor, celsius]),
    updateStateByKey((celsius, before: Partial = identity) => celsius.map(lift).reduce(combine, before), {
      id: 'history',
    }),
    mapRecords(([sensor, partial]): Summary => ({ sensor, ...lower(partial) })),
    transformBatch(bySensor),
  );
}
