import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreachBatch, fromBatches, memoryCheckpoint, type Pair } from 'dstream';
import { retry } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Click } from './click.js';
import { clickstream, type MinuteOfVisitors, type Outputs } from './pipeline.js';

// Batch times begin near 0 in virtual time.
const start = 0;
const click = (user: string, page: string, second: number): Click => ({ user, page, at: start + second * 1_000 });

/** Collects what the pipeline writes. */
function collected(): Outputs & { views: Pair<string, number>[]; visitors: MinuteOfVisitors[] } {
  const views: Pair<string, number>[] = [];
  const visitors: MinuteOfVisitors[] = [];
  return {
    views,
    visitors,
    addViews: foreachBatch((pages) => void views.push(...pages)),
    writeVisitors: foreachBatch((minutes) => void visitors.push(...minutes)),
  };
}

test('counts the views of each batch, and each visitor of a minute once', () => {
  const results = collected();
  new TestScheduler(assert.deepEqual).run(() => {
    const clicks = fromBatches(
      [
        [click('ann', '/', 1), click('bob', '/', 2), click('ann', '/cart', 3)],
        [click('eve', '/', 61), click('ann', '/', 4)],
        [click('eve', '/sale', 130)],
      ],
      { interval: 1_000, partitions: 1 },
    );
    clickstream(clicks, results).subscribe();
  });
  assert.deepEqual(results.views, [
    ['/', 2],
    ['/cart', 1],
    ['/', 2],
    ['/sale', 1],
  ]);
  // Ann's second click of the first minute arrives after a click of the next one, and still counts.
  assert.deepEqual(results.visitors.slice(0, 2), [
    { minute: start, visitors: 2 },
    { minute: start + 60_000, visitors: 1 },
  ]);
});

test('keeps the visitors of an open minute when an output fails and the stream starts again', () => {
  const results = collected();
  let failures = 1;
  new TestScheduler(assert.deepEqual).run(() => {
    const clicks = fromBatches([[click('ann', '/', 1)], [click('bob', '/', 2)], [click('eve', '/', 90)]], {
      interval: 1_000,
      partitions: 1,
      checkpoint: memoryCheckpoint(),
    });
    const addViews = foreachBatch<Pair<string, number>>((_, { time }) => {
      if (time !== 2_000 || failures === 0) return;
      failures--;
      throw new Error('the database is away');
    });
    clickstream(clicks, { ...results, addViews })
      .pipe(retry(1))
      .subscribe();
  });
  assert.equal(failures, 0);
  assert.deepEqual(results.visitors[0], { minute: start, visitors: 2 });
});
