import { foreachBatch, InvalidOptionError, logBatches, mapRecords, memoryLog, type RecordView } from 'dstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeAll(() => process.on('unhandledRejection', note));
afterAll(() => process.off('unhandledRejection', note));

interface Decoded {
  readonly text: string | null;
}

/** Reads three records and returns what the operators saw, and the error of the stream. */
function read(
  deserialize: (view: RecordView) => unknown,
  invalidRecords: 'error' | 'skip',
  operator: 'foreachBatch' | 'mapRecords',
) {
  const seen: unknown[] = [];
  const errors: unknown[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 1 }, scheduler });
    log.append('t', [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    const stream = logBatches(log, { topics: ['t'], start: 'earliest', interval: 10, deserialize, invalidRecords });
    const output = foreachBatch<unknown>((records) => void seen.push(...records));
    stream
      .pipe(operator === 'mapRecords' ? mapRecords((record) => record) : (same) => same, output)
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.schedule(() => void stream.stop(), 35);
  });
  return { seen, errors };
}

const functions: readonly (readonly [string, (view: RecordView) => unknown, offset: number])[] = [
  ['an asynchronous function', async (view) => ({ text: view.valueText() }), 0],
  ['one that fails', async () => Promise.reject(new Error('no schema')), 0],
  [
    'one that finds some schemas in its cache',
    (view) => {
      const decoded: Decoded = { text: view.valueText() };
      return view.offset < 2 ? decoded : Promise.resolve(decoded);
    },
    2,
  ],
  // biome-ignore lint/suspicious/noThenProperty: this is what a thenable is
  ['one that returns a thenable of another library', () => ({ then: (done: (value: string) => void) => done('v') }), 0],
];

describe.each(functions)('deserialize is %s', (_, deserialize, offset) => {
  it.each([
    ['error', 'foreachBatch'],
    ['error', 'mapRecords'],
    ['skip', 'foreachBatch'],
    ['skip', 'mapRecords'],
  ] as const)('with invalidRecords "%s", before %s: refused, naming option and record', async (policy, operator) => {
    const { seen, errors } = read(deserialize, policy, operator);
    expect(errors).toEqual([expect.any(InvalidOptionError)]);
    expect(errors[0]).toMatchObject({ owner: 'logBatches', option: 'deserialize' });
    expect(String(errors[0])).toContain(`must be synchronous: it returned a promise for t/0 at offset ${offset}`);
    expect(seen).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});
