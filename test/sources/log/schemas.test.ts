import { type } from 'arktype';
import { DeserializationError, foreachBatch, json, logBatches, memoryLog, type RecordView } from 'dstream';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { virtual } from '../../support/virtual.js';

// The same in three libraries: a text that becomes a number, and a field that may be absent.
const zod = z.object({ origin: z.string(), delay: z.string().transform(Number), gate: z.string().optional() });
const valibot = v.object({
  origin: v.string(),
  delay: v.pipe(v.string(), v.transform(Number)),
  gate: v.optional(v.string()),
});
const arktype = type({ origin: 'string', delay: 'string.numeric.parse', 'gate?': 'string' });

interface Flight {
  readonly origin: string;
  readonly delay: number;
  readonly gate?: string | undefined;
}

function run(deserialize: (view: RecordView) => Flight, values: readonly string[]) {
  const records: Flight[] = [];
  const invalid: unknown[] = [];
  virtual(() => {
    const log = memoryLog({ topics: { flights: 1 } });
    log.append(
      'flights',
      values.map((value) => ({ value })),
    );
    const flights = logBatches(log, {
      topics: ['flights'],
      start: 'earliest',
      interval: 10,
      deserialize,
      invalidRecords: { next: ({ error }) => void invalid.push(error) },
    });
    flights.pipe(foreachBatch((batch) => void records.push(...batch))).subscribe({ next: () => void flights.stop() });
  });
  return { records, invalid };
}

describe.each([
  ['zod', json(zod)],
  ['valibot', json(valibot)],
  ['arktype', json(arktype)],
] satisfies [string, (view: RecordView) => Flight][])('json with a schema of %s', (_, deserialize) => {
  it('has what the schema returns as records', () => {
    const { records, invalid } = run(deserialize, ['{"origin":"SFO","delay":"7"}']);
    expect(records).toEqual([{ origin: 'SFO', delay: 7 }]);
    expect(invalid).toEqual([]);
  });

  it('takes what does not fit for an invalid record, and names where it does not', () => {
    const { records, invalid } = run(deserialize, [
      '{"origin":1,"delay":"7"}',
      '{"origin":"SFO","delay":"7","gate":"A1"}',
      'no JSON',
    ]);
    expect(records).toEqual([{ origin: 'SFO', delay: 7, gate: 'A1' }]);
    expect(invalid).toHaveLength(2);
    expect(invalid[0]).toBeInstanceOf(DeserializationError);
    expect(invalid[0]).toMatchObject({ offset: 0 });
    expect((invalid[0] as Error).message).toContain('origin');
  });
});

it('the records of json are of the type that the schema returns', () => {
  expectTypeOf(json(zod)).returns.toHaveProperty('delay').toEqualTypeOf<number>();
  expectTypeOf(json(valibot)).returns.toHaveProperty('delay').toEqualTypeOf<number>();
  expectTypeOf(json(arktype)).returns.toHaveProperty('delay').toEqualTypeOf<number>();
  expectTypeOf(json(zod, { tombstones: 'null' }))
    .returns.extract<null>()
    .toEqualTypeOf<null>();
});
