import {
  aggregateByKeyAndEventWindow,
  type Batch,
  eventTime,
  foreachBatch,
  type LateRecord,
  mapRecords,
  type Pair,
  sideOutput,
  updateStateByKey,
} from 'dstream';
import { count, mean } from 'dstream/aggregators';
import { lastValueFrom, merge, type Observable, share } from 'rxjs';
import type { Flight } from './flight.js';

const hour = 3_600_000;
const day = 24 * hour;
const rows = 8;

/** When a flight departed, in ms; the data set has no time zones. */
export const departureOf = ({ date }: Flight): number => Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}Z`);

/** The flights in the order in which they are written: those of the late airport hours after their departure. */
export function inArrivalOrder(flights: readonly Flight[], late: string | undefined): readonly Flight[] {
  const arrivals = new Map(flights.map((each) => [each, departureOf(each) + (each.origin === late ? 6 * hour : 0)]));
  return [...flights].sort((a, b) => (arrivals.get(a) as number) - (arrivals.get(b) as number));
}

/** Departures of an airport, and the days that had some. */
interface Days {
  readonly days: number;
  readonly departures: number;
}

/**
 * The busiest airports by day, from windows of event time: the same at every speed. The table is keyed state too, so that a checkpoint keeps
 * all of it. Resolves to its lines when everything has been read.
 */
export async function dailyTable(flights: Observable<Batch<Flight>>): Promise<readonly string[]> {
  let days: readonly Pair<string, Days>[] = [];
  let worst = new Map<string, number>();
  let tooLate = 0;
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const byOrigin = flights.pipe(
    eventTime({ id: 'time of departure', timestamp: departureOf, outOfOrderness: hour, future: Infinity }),
    mapRecords(({ origin, delay }) => [origin, delay]),
    share(),
  );
  await lastValueFrom(
    merge(
      late.pipe(
        mapRecords(() => ['late', 1]),
        updateStateByKey((ones, before: number = 0) => before + ones.length, { id: 'late' }),
        foreachBatch(([[, count] = ['late', 0]]) => {
          tooLate = count;
        }),
      ),
      byOrigin.pipe(
        aggregateByKeyAndEventWindow(count(), { id: 'departures of a day', window: day, late }),
        updateStateByKey(
          (windows, before: Days = { days: 0, departures: 0 }) => ({
            days: before.days + windows.length,
            departures: windows.reduce((sum, { value }) => sum + value, before.departures),
          }),
          { id: 'days' },
        ),
        foreachBatch((rows) => {
          days = rows;
        }),
      ),
      byOrigin.pipe(
        aggregateByKeyAndEventWindow(mean(), { id: 'mean delay of a day', window: day }),
        updateStateByKey(
          (windows, before: number = -Infinity) => Math.max(before, ...windows.map(({ value }) => value)),
          {
            id: 'worst day',
          },
        ),
        foreachBatch((delays) => {
          worst = new Map(delays);
        }),
      ),
    ),
    { defaultValue: undefined },
  );
  const busiest = [...days].sort(([a, x], [b, y]) => y.departures - x.departures || (a < b ? -1 : 1)).slice(0, rows);
  const header = `  ${'origin'.padEnd(8)}${'days'.padStart(6)}${'departures'.padStart(12)}${'worst day'.padStart(12)}`;
  const body = busiest.map(([origin, each]) => {
    const cells = [String(each.days).padStart(6), String(each.departures).padStart(12)];
    return `  ${origin.padEnd(8)}${cells.join('')}${(worst.get(origin) ?? 0).toFixed(1).padStart(12)}`;
  });
  return [header, ...body, `late: ${tooLate}`];
}
