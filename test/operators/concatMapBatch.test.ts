import { concatMapBatch, type InvalidOptionError, logBatches, memoryLog, string } from 'dstream';
import { delay, of, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

it('by partition keeps the partitions with their offset ranges, and works on all of them at once', () => {
  const seen: unknown[] = [];
  virtual((scheduler) => {
    const log = memoryLog({ topics: { t: 3 } });
    log.append('t', [
      { partition: 0, value: 'a' },
      { partition: 2, value: 'b' },
      { partition: 2, value: 'c' },
    ]);
    const stream = logBatches(log, { topics: ['t'], start: 'earliest', interval: 10, deserialize: string() });
    const subscription = stream
      .pipe(concatMapBatch((records) => of(records.map((record) => `${record}!`)).pipe(delay(3)), { by: 'partition' }))
      .subscribe(({ partitions }) => {
        seen.push([scheduler.now(), ...partitions.map(({ index, records, range }) => [index, records, range?.until])]);
      });
    timer(15).subscribe(() => subscription.unsubscribe());
  });
  expect(seen).toEqual([[13, [0, ['a!'], 1], [1, [], 0], [2, ['b!', 'c!'], 2]]]);
});

it('refuses another way to call the function', () => {
  const refused = () => concatMapBatch((records: readonly string[]) => of(records), { by: 'record' as 'batch' });
  expect(refused).toThrow('concatMapBatch: by ("record")' satisfies InvalidOptionError['message']);
});
