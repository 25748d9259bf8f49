import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  batchesFrom,
  batchesSource,
  filterRecords,
  foreachBatch,
  mapRecords,
  type Pair,
  type TableChange,
} from 'dstream';
import { asyncScheduler, mergeMap, type Observable, of, range, share } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { overLimit } from '../../bench/lines/alertsWithoutTable.js';
import { incidents as incidentsByHand } from '../../bench/lines/logsWithoutLimiter.js';
import { type Card, cards, type Payment, payments } from '../../examples/alerts/payment.js';
import { type Alert, alertsOf, type Inputs } from '../../examples/alerts/pipeline.js';
import { incidents } from '../../examples/logs/incidents.js';
import type { LogLine } from '../../examples/logs/logLine.js';
import { appLines, comparisons, countLines } from '../../scripts/lines.mjs';
import { root } from '../support/operators.js';

describe('lines of the apps', () => {
  it('are neither blank nor comment', () => {
    expect(countLines('/** a\n * b\n */\nconst a = 1; // why\n\n  // c\nconst b = 2;\n/** d */\n')).toBe(2);
  });

  it('are those of the note', () => {
    const note = readFileSync(join(root, 'docs/design/0046-integrations.md'), 'utf8');
    const rows = [...note.matchAll(/^\| (\w+) \| (.*) \|$/gm)].map(([line]) => line).filter((line) => /\d/.test(line));
    expect(rows).toEqual([
      ...appLines().map(({ app, pipeline, all }) => `| ${app} | ${pipeline} | ${all} |`),
      ...comparisons().map(({ app, name, before, after }) => `| ${app} | ${name} | ${before} | ${after} |`),
    ]);
  });
});

describe('what the operators replaced', () => {
  /** The cards over their limit, of all payments and of a row that is deleted in the second batch. */
  function overLimitBy(rule: (inputs: Inputs) => Observable<{ readonly records: readonly Alert[] }>): readonly Alert[] {
    const found: Alert[] = [];
    const all = [...payments(600)];
    const deleted: TableChange<string, Card> = ['card-3', null];
    new TestScheduler(() => {}).run(() => {
      const inputs = batchesFrom(
        {
          payments: batchesSource<Payment>([all.slice(0, 300), all.slice(300)]),
          cards: batchesSource<TableChange<string, Card>>([[...cards()], [deleted]]),
        },
        { interval: 1_000 },
      );
      rule(inputs).subscribe(({ records }) => found.push(...records));
    });
    return found.filter(({ reason }) => reason === 'over the limit').sort((a, b) => a.payment - b.payment);
  }

  it('finds the same payments over the limit', () => {
    const byTable = overLimitBy((inputs) => alertsOf(inputs).pipe(foreachBatch(() => {})));
    const byHand = overLimitBy(({ payments: all, cards: rows }) => {
      const byCard = all.pipe(
        filterRecords(({ kind }) => kind === 'payment'),
        mapRecords((payment): Pair<string, Payment> => [payment.card, payment]),
        share(),
      );
      return overLimit(byCard, rows).pipe(foreachBatch(() => {}));
    });
    expect(byTable.length).toBeGreaterThan(3);
    expect(byHand).toEqual(byTable);
  });

  it.each([
    ['rateLimiter', incidents],
    ['by hand', incidentsByHand],
  ])('posts at most 100 lines within any second, and obeys a pause: %s', (_, create) => {
    const times: number[] = [];
    let refusals = 1;
    new TestScheduler(() => {}).run(() => {
      const report = create(
        () => {
          if (times.length === 50 && refusals-- > 0) return of({ status: 429, retryAfter: 2 });
          times.push(asyncScheduler.now());
          return of({ status: 201 });
        },
        { perSecond: 100 },
      );
      range(250)
        .pipe(
          mergeMap((id) => report({ id: String(id), service: 'cart', level: 'error', message: '' } satisfies LogLine)),
        )
        .subscribe();
    });
    expect(times).toHaveLength(250);
    for (const at of times) expect(times.filter((other) => other >= at && other < at + 1_000).length).toBeLessThan(101);
    expect(Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? 0)))).toBeGreaterThanOrEqual(2_000);
  });
});
