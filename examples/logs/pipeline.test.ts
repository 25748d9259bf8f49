import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBatches, logBatches, memoryLog, type Pair } from 'dstream';
import { asyncScheduler, of } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { incidents } from './incidents.js';
import { deserialize, type LogLine, lines, topics } from './logLine.js';
import { ingestion } from './pipeline.js';

const errorLine = (id: number): LogLine => ({ id: String(id), service: 'cart', level: 'error', message: '' });

test('posts at most 100 lines within any second, and obeys a pause', () => {
  const posted: { readonly id: string; readonly at: number }[] = [];
  let refusals = 1;
  new TestScheduler(assert.deepEqual).run(() => {
    const report = incidents(
      ({ id }) => {
        if (id === '150' && refusals-- > 0) return of({ status: 429, retryAfter: 2 });
        posted.push({ id, at: asyncScheduler.now() });
        return of({ status: 201 });
      },
      { perSecond: 100 },
    );
    const batches = [Array.from({ length: 250 }, (_, i) => errorLine(i)), [errorLine(250)]];
    ingestion(fromBatches(batches, { interval: 1_000 }), { report, counts: () => {} }).subscribe();
  });
  assert.equal(new Set(posted.map(({ id }) => id)).size, 251);
  for (const { at } of posted) {
    assert.ok(posted.filter((other) => other.at >= at && other.at < at + 1_000).length <= 100);
  }
  // Nobody is served during the pause.
  const gaps = posted.slice(1).map(({ at }, i) => at - (posted[i]?.at ?? 0));
  assert.ok(Math.max(...gaps) >= 2_000);
});

test('puts lines that are no JSON aside, and counts the others', () => {
  const log = memoryLog({ topics: { [topics.lines]: 1 } });
  const dead: (number | undefined)[] = [];
  let counted: readonly Pair<string, number>[] = [];
  new TestScheduler(assert.deepEqual).run(() => {
    log.append(
      topics.lines,
      [...lines(200)].map((value) => ({ value })),
    );
    const stream = logBatches(log, {
      topics: [topics.lines],
      start: 'earliest',
      until: 'latest',
      interval: 1_000,
      deserialize,
      onRecordError: { next: ({ origin }) => void dead.push(origin?.offset) },
    });
    const outputs = {
      report: () => of({ status: 201 }),
      counts: (counts: readonly Pair<string, number>[]) => {
        counted = counts;
      },
    };
    ingestion(stream, outputs).subscribe();
  });
  assert.deepEqual(dead, [42, 142]);
  assert.equal(
    counted.reduce((sum, [, count]) => sum + count, 0),
    198,
  );
});
