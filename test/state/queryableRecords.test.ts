import {
  asOfJoin,
  batchesFrom,
  type Checkpoint,
  eventTime,
  foreachBatch,
  fromBatches,
  intervalJoin,
  json,
  logSource,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  queryable,
  type WaitingRecord,
  windowByCount,
} from 'dstream';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

describe('operators that keep records', () => {
  it.each([
    ['without a checkpoint', undefined],
    ['with one', memoryCheckpoint()],
  ])('windowByCount shows the records of each batch, %s', async (_, checkpoint: Checkpoint | undefined) => {
    const kept = queryable<number, readonly string[]>();
    const seen: (readonly (readonly [number, readonly string[]])[])[] = [];
    await lastValueFrom(
      fromBatches([['a'], ['b', 'c'], [], ['d', 'e']], {
        interval: 10,
        ...(checkpoint && { checkpoint }),
        batchObserver: { next: () => seen.push([...kept.entries()]) },
      }).pipe(
        windowByCount({ count: 3, queryable: kept, ...(checkpoint && { id: 'last' }) }),
        foreachBatch(() => {}),
      ),
    );
    const records = seen.map((entries) => entries.map(([, texts]) => texts.join('')));
    expect(records).toEqual([['a'], ['a', 'bc'], ['a', 'bc'], ['bc', 'de']]);
  });

  interface Event {
    readonly item: string;
    readonly at: number;
  }

  function joined(kind: 'intervalJoin' | 'asOfJoin') {
    const waiting = queryable<number, WaitingRecord<string, Event>>();
    let shown: unknown;
    virtual((scheduler) => {
      const log = memoryLog({ topics: { orders: 1, prices: 1 } });
      const append = (topic: string, item: string, at: number) =>
        log.append(topic, [{ value: JSON.stringify({ item, at }) }]);
      append('prices', 'tea', 5);
      append('orders', 'tea', 20);
      append('orders', 'milk', 30);
      const source = (topic: string) =>
        logSource(log, { topics: [topic], start: 'earliest', deserialize: json<Event>() });
      const { orders, prices } = batchesFrom({ orders: source('orders'), prices: source('prices') }, { interval: 10 });
      const timed = eventTime<Event>({ timestamp: ({ at }) => at, outOfOrderness: 50 });
      const byItem = mapRecords((event: Event): Pair<string, Event> => [event.item, event]);
      const other = prices.pipe(timed, byItem);
      const join =
        kind === 'asOfJoin'
          ? asOfJoin<Pair<string, Event>, Event>(other, { queryable: waiting })
          : intervalJoin<Pair<string, Event>, Event>(other, { lower: -100, upper: 100, queryable: waiting });
      const subscription = orders
        .pipe(
          timed,
          byItem,
          join as typeof byItem & typeof join,
          foreachBatch(() => {}),
        )
        .subscribe();
      scheduler.schedule(() => {
        shown = [...waiting.entries()].map(([, { key, time, value, side }]) => [key, time, value.at, side]);
        subscription.unsubscribe();
      }, 45);
    });
    return shown;
  }

  it.each(['intervalJoin', 'asOfJoin'] as const)('%s shows the records of both streams that it holds', (kind) => {
    expect(joined(kind)).toEqual(
      expect.arrayContaining([
        ['tea', 5, 5, 'right'],
        ['tea', 20, 20, 'left'],
        ['milk', 30, 30, 'left'],
      ]),
    );
  });
});
