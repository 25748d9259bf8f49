import { fixedRate, json, logBatches, memoryLog } from 'dstream';
import { expect, it } from 'vitest';
import { dailyTable, departureOf, inArrivalOrder } from '../../examples/flights/daily.js';
import { type Flight, readFlights } from '../../examples/flights/flight.js';
import { memorySink, topic } from '../../examples/flights/replay.js';

/** The table of the demo with `--until latest`, read at a rate. */
function tableAt(rate: number, late?: string): Promise<readonly string[]> {
  const log = memoryLog({ topics: { [topic]: 4 } });
  void memorySink(log).write(inArrivalOrder(readFlights(), late));
  return dailyTable(
    logBatches(log, {
      topics: [topic],
      deserialize: json<Flight>(),
      interval: 5,
      start: 'earliest',
      until: 'latest',
      backpressure: fixedRate(rate),
      rateSharing: rate > 1e6 ? 'lag' : 'aligned',
    }),
  );
}

it('the bounded demo has the same table at every speed, and counts what a late airport brings', async () => {
  const flights = readFlights();
  const table = await tableAt(1e9);
  expect(table.at(-1)).toBe('late: 0');
  const [busiest = ''] = table.slice(1);
  const [origin = '', days, departures] = busiest.trim().split(/\s+/);
  const own = flights.filter((flight) => flight.origin === origin);
  expect(Number(departures)).toBe(own.length);
  expect(Number(days)).toBe(new Set(own.map((flight) => Math.floor(departureOf(flight) / 86_400_000))).size);
  expect(await tableAt(400_000)).toEqual(table);

  const late = await tableAt(1e9, origin);
  expect(Number(late.at(-1)?.replace('late: ', ''))).toBeGreaterThan(0);
  expect(await tableAt(700_000, origin)).toEqual(late);
});
