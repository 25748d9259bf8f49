import {
  foreachBatch,
  type InvalidRecord,
  json,
  type LogBatchesOptions,
  logBatches,
  mapRecords,
  memoryLog,
} from 'dstream';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

interface Flight {
  readonly origin: string;
}

function run(options: Partial<LogBatchesOptions<Flight>>): { readonly records: unknown[]; readonly errors: unknown[] } {
  const records: unknown[] = [];
  const errors: unknown[] = [];
  virtual(() => {
    const log = memoryLog({ topics: { flights: 1 } });
    log.append('flights', [{ value: '{"origin":"SFO"}' }, { key: 'OSL', value: null }, { value: '{"origin":"OSL"}' }]);
    const flights = logBatches(log, {
      topics: ['flights'],
      start: 'earliest',
      interval: 10,
      deserialize: json<Flight>(),
      ...options,
    });
    flights
      .pipe(
        mapRecords(({ origin }) => origin),
        foreachBatch((origins) => void records.push(...origins)),
      )
      .subscribe({ next: () => void flights.stop(), error: (error) => errors.push(error) });
  });
  return { records, errors };
}

describe('json', () => {
  it('takes a record without a value for an invalid one, which is named', () => {
    const { errors } = run({});
    expect(errors).toMatchObject([{ code: 'DESERIALIZATION', topic: 'flights', partition: 0, offset: 1 }]);
    expect(String(errors[0])).toContain('has no value (a tombstone)');
  });

  it('leaves tombstones to the policy for invalid records', () => {
    expect(run({ invalidRecords: 'skip' })).toEqual({ records: ['SFO', 'OSL'], errors: [] });
    const invalid: InvalidRecord[] = [];
    expect(run({ invalidRecords: { next: (record) => void invalid.push(record) } }).records).toEqual(['SFO', 'OSL']);
    expect(invalid).toMatchObject([{ offset: 1, value: null }]);
  });

  it('makes them null when it is told to', () => {
    const tombstone = { valueText: () => null } as never;
    const flight: Flight | null = json<Flight>({ tombstones: 'null' })(tombstone);
    expect(flight).toBe(null);
    // @ts-expect-error without the option there is no null
    json<Flight>() satisfies (view: never) => null;
  });

  it('refuses other options', () => {
    expect(() => json({ tombstones: 'skip' as never })).toThrow(
      'json: tombstones ("skip") must be one of "error", "null"',
    );
  });
});
