import {
  type Batch,
  foreachBatch,
  mapRecords,
  mapValues,
  type Pair,
  reduceByKey,
  reduceByKeyAndWindow,
  updateStateByKey,
} from 'dstream';
import { merge, type Observable, type ObservableInput, share } from 'rxjs';
import type { Flight } from './flight.js';

/** How many departures, and the sum of their delays in minutes. */
type Delays = readonly [departures: number, minutes: number];

/** What the table shows of one batch. */
export interface FlightOutputs {
  /** Departures and mean delay of the last 60 s by origin. */
  window(rows: readonly Pair<string, { readonly departures: number; readonly meanDelay: number }>[]): void;
  /** The largest delay ever seen, by origin. */
  records(rows: readonly Pair<string, number>[]): void;
  /** The departures of this batch by origin; what it returns holds the batch. */
  departures(rows: readonly Pair<string, number>[]): ObservableInput<unknown>;
}

const add = (a: Delays, b: Delays): Delays => [a[0] + b[0], a[1] + b[1]];
const subtract = (a: Delays, b: Delays): Delays => [a[0] - b[0], a[1] - b[1]];

/** The main job: three outputs over one stream of flights. */
export function flightsPipeline(flights: Observable<Batch<Flight>>, outputs: FlightOutputs): Observable<unknown> {
  const shared = flights.pipe(share());
  const byOrigin = shared.pipe(mapRecords(({ origin, delay }) => [origin, delay]));

  const lastMinute = byOrigin.pipe(
    mapValues((delay): Delays => [1, delay]),
    reduceByKeyAndWindow(add, { inverse: subtract, window: 60_000, id: 'last-minute' }),
    mapValues(([departures, minutes]) => ({ departures, meanDelay: minutes / departures })),
    foreachBatch((rows) => outputs.window(rows)),
  );
  const records = byOrigin.pipe(
    updateStateByKey(
      (delays: readonly number[], record: number | undefined) =>
        delays.reduce((a, b) => Math.max(a, b), record ?? -Infinity),
      { id: 'record-delay', call: 'touched' },
    ),
    foreachBatch((rows) => outputs.records(rows)),
  );
  const departures = byOrigin.pipe(
    mapValues(() => 1),
    reduceByKey((a, b) => a + b),
    foreachBatch((rows) => outputs.departures(rows)),
  );
  return merge(lastMinute, records, departures);
}
