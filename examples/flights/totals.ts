import { type Batch, mapRecords, updateStateByKey } from 'dstream';
import type { Observable } from 'rxjs';
import type { Flight } from './flight.js';

/** All departures of an airport so far, and the sum of their delays in minutes. */
export interface Total {
  readonly departures: number;
  readonly minutes: number;
}

export interface TotalMessage {
  readonly key: string;
  readonly value: string;
}

/** Adds up the departures of each airport, and tells the new totals of those that a batch has. */
export function totalsOf(flights: Observable<Batch<Flight>>): Observable<Batch<TotalMessage>> {
  return flights.pipe(
    mapRecords(({ origin, delay }) => [origin, delay] as const),
    updateStateByKey(
      (delays: readonly number[], { departures, minutes }: Total = { departures: 0, minutes: 0 }) => ({
        departures: departures + delays.length,
        minutes: delays.reduce((sum, delay) => sum + delay, minutes),
      }),
      { id: 'totals', call: 'touched' },
    ),
    mapRecords(([key, total]): TotalMessage => ({ key, value: JSON.stringify(total) })),
  );
}
