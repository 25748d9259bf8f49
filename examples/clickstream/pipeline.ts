import { aggregateByEventWindow, type Batch, eventTime, mapRecords, type Pair, reduceByKey } from 'dstream';
import { set } from 'dstream/aggregators';
import { type MonoTypeOperatorFunction, merge, type Observable, share } from 'rxjs';
import type { Click } from './click.js';

/** How many different visitors there were in a minute. */
export interface MinuteOfVisitors {
  /** Where the minute begins, in ms since the epoch. */
  readonly minute: number;
  readonly visitors: number;
}

/** Where the results go: output operations, which decide when a batch is complete. */
export interface Outputs {
  /** Adds the views of a batch to the totals of their pages. */
  readonly addViews: MonoTypeOperatorFunction<Batch<Pair<string, number>>>;
  readonly writeVisitors: MonoTypeOperatorFunction<Batch<MinuteOfVisitors>>;
}

const minute = 60_000;

/** Views by page since the beginning, and unique visitors by minute of event time. */
export function clickstream(clicks: Observable<Batch<Click>>, outputs: Outputs): Observable<unknown> {
  const shared = clicks.pipe(share());
  const views = shared.pipe(
    mapRecords(({ page }) => [page, 1]),
    reduceByKey((a, b) => a + b),
    outputs.addViews,
  );
  const visitors = shared.pipe(
    eventTime({ id: 'time', timestamp: ({ at }) => at, outOfOrderness: 5_000 }),
    mapRecords(({ user }) => user),
    aggregateByEventWindow(set<string>(), { id: 'visitors', window: minute }),
    mapRecords(({ start, value }) => ({ minute: start, visitors: value.size })),
    outputs.writeVisitors,
  );
  return merge(views, visitors);
}
