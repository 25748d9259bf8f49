import {
  aggregateByKeyAndEventWindow,
  type Batch,
  eventTime,
  type LateRecord,
  mapRecords,
  type Pair,
  sideOutput,
} from 'dstream';
import { sum } from 'dstream/aggregators';
import type { OperatorFunction } from 'rxjs';
import { expect, it } from 'vitest';
import { runPlan } from './runPlan.js';

// A batch saves what it has touched: not the panes that it has added to, nor the keys that are open.

const keys = 2_000;
const touched = 20;

it('a batch saves the keys that it has touched in a pane, and no others', () => {
  // Three open panes with all keys, then batches of twenty of them.
  const filling = Array.from({ length: 3 * keys }, (_, i) => [10 * Math.floor(i / keys) + 1, i % keys] as const);
  const batches = Array.from({ length: 10 }, (_, batch) =>
    Array.from({ length: touched }, (__, i) => [10 * (i % 3) + 2, (batch * 97 + i * 31) % keys] as const),
  );
  const records = [...filling, ...batches.flat()];
  const plan = [filling, ...batches].map((_, i) => [{ until: filling.length + i * touched, end: 'open' as const }]);

  type Event = readonly [at: number, key: number];
  const { saved } = runPlan<Event, unknown, LateRecord<Pair<number, number>>>([records], plan, ['after'], () => {
    const late = sideOutput<LateRecord<Pair<number, number>>>();
    const operator: OperatorFunction<Batch<Event>, Batch<unknown>> = (source) =>
      source.pipe(
        eventTime({ timestamp: ([at]) => at, outOfOrderness: 100, idleAfter: Infinity, id: 'time' }),
        mapRecords(([, key]) => [key, 1]),
        aggregateByKeyAndEventWindow(sum(), { window: 30, slide: 10, late, id: 'windows' }),
      );
    return { operator, late };
  });

  const changes = saved.map((each) => each.find(({ id }) => id === 'windows'));
  expect(changes[0]?.set.length).toBe(3 * keys);
  for (const change of changes.slice(1)) {
    expect(change?.set.length).toBe(touched);
    expect(change?.deleted).toEqual([]);
  }
});
