import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
import { retry } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { history, type Summary, summaries } from './pipeline.js';
import { lineOf, parseLine, type Reading, readingsAt } from './reading.js';

test('summarizes the last ten seconds, and forgets a sensor that is silent', () => {
  const seen: (readonly Summary[])[] = [];
  const oven: readonly Reading[] = [200, 206].map((celsius) => ({ sensor: 'oven', celsius }));
  const freezer: readonly Reading[] = [{ sensor: 'freezer', celsius: -19 }];
  new TestScheduler(assert.deepEqual).run(() => {
    const batches = [
      [...oven, ...freezer],
      [{ sensor: 'oven', celsius: 201 }],
      ...Array.from({ length: 10 }, () => freezer),
    ];
    summaries(fromBatches(batches, { interval: 1_000, partitions: 1 }))
      .pipe(foreachBatch((sensors) => void seen.push(sensors)))
      .subscribe();
  });
  assert.deepEqual(seen[0], [
    { sensor: 'freezer', last: -19, least: -19, most: -19, mean: -19, readings: 1 },
    { sensor: 'oven', last: 206, least: 200, most: 206, mean: 203, readings: 2 },
  ]);
  assert.deepEqual(seen[1]?.[1], { sensor: 'oven', last: 201, least: 200, most: 206, mean: 202.3, readings: 3 });
  assert.deepEqual(
    seen.at(-1)?.map(({ sensor }) => sensor),
    ['freezer'],
  );
});

test('keeps the history when an output fails and the stream starts again', () => {
  const seen: (readonly Summary[])[] = [];
  let failures = 1;
  new TestScheduler(assert.deepEqual).run(() => {
    const oven = (celsius: number): readonly Reading[] => [{ sensor: 'oven', celsius }];
    const readings = fromBatches([oven(200), oven(206), oven(203)], {
      interval: 1_000,
      partitions: 1,
      checkpoint: memoryCheckpoint(),
    });
    const write = (sensors: readonly Summary[], { time }: { readonly time: number }) => {
      if (time === 2_000 && failures > 0) {
        failures--;
        throw new Error('the disk is full');
      }
      seen.push(sensors);
    };
    history(readings).pipe(foreachBatch(write), retry(1)).subscribe();
  });
  assert.equal(failures, 0);
  assert.deepEqual(seen.at(-1), [{ sensor: 'oven', last: 203, least: 200, most: 206, mean: 203, readings: 3 }]);
});

test('reads the lines that it writes', () => {
  for (const reading of readingsAt(7)) assert.deepEqual(parseLine(lineOf(reading)), reading);
});
