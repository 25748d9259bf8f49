import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBatches } from 'dstream';
import { of } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { CountedTotals } from './countedTotals.js';
import type { Flight } from './flight.js';
import { type FlightOutputs, flightsPipeline } from './pipeline.js';
import { type Total, totalsOf } from './totals.js';

const flight = (origin: string, delay: number): Flight => ({
  date: '2001/01/01 09:00',
  delay,
  distance: 100,
  origin,
  destination: 'SFO',
});

test('keeps the mean of the last minute and the largest delay so far', () => {
  const windows: Parameters<FlightOutputs['window']>[0][] = [];
  const records: Parameters<FlightOutputs['records']>[0][] = [];
  new TestScheduler(assert.deepEqual).run(() => {
    const first = [flight('OAK', 10), flight('OAK', 30), flight('LAX', -5)];
    const quiet = Array.from({ length: 2 }, () => []);
    flightsPipeline(fromBatches([first, [flight('OAK', 2)], ...quiet], { interval: 30_000 }), {
      window: (rows) => void windows.push(rows),
      records: (rows) => void records.push(rows),
      departures: () => of(undefined),
    }).subscribe();
  });
  assert.deepEqual(
    new Map(windows[1]),
    new Map([
      ['OAK', { departures: 3, meanDelay: 14 }],
      ['LAX', { departures: 1, meanDelay: -5 }],
    ]),
  );
  // A minute later the first flights have left the window; the record stays.
  assert.deepEqual(windows[2], [['OAK', { departures: 1, meanDelay: 2 }]]);
  assert.deepEqual(records[1], [['OAK', 30]]);
});

test('adds up the departures of each airport, and finds totals that are wrong or come twice', () => {
  const batches = [[flight('OAK', 10), flight('LAX', -5)], [flight('OAK', 2)]];
  const messages: (readonly [string, Total])[] = [];
  new TestScheduler(assert.deepEqual).run(() => {
    totalsOf(fromBatches(batches, { interval: 1_000 })).subscribe(({ records }) => {
      for (const { key, value } of records) messages.push([key, JSON.parse(value)]);
    });
  });
  assert.deepEqual(
    [...messages],
    [
      ['OAK', { departures: 1, minutes: 10 }],
      ['LAX', { departures: 1, minutes: -5 }],
      ['OAK', { departures: 2, minutes: 12 }],
    ],
  );
  const verdictOf = (...said: typeof messages) => {
    const totals = new CountedTotals();
    for (const batch of batches) totals.write(batch);
    for (const [origin, total] of said) totals.count(origin, total);
    return totals.verdict();
  };
  assert.match(verdictOf(...messages), /^right: 3 of 3 departures of 2 airports/);
  assert.match(verdictOf(...messages.slice(0, 2)), /^wrong: 2 of 3 .* airports: OAK/);
  assert.match(verdictOf(...messages, ...messages.slice(2)), /^wrong: 3 of 3 .* twice: 1$/);
});
