// Event-time windows of one batch each: the event time of a record is the time of its batch, so each window comes with the next one.
import { type OperatorFunction, tap } from 'rxjs';
import { count, sum } from '../../src/aggregators.js';
import {
  aggregateByEventWindow,
  aggregateByKeyAndEventWindow,
  type Batch,
  deduplicateByEventTime,
  eventSessionWindow,
  eventTime,
  groupByKeyAndEventWindow,
  type Pair,
  reduceByKeyAndEventWindow,
  type Session,
  type WindowResult,
} from '../../src/index.js';
import { grouped, summed } from './byKey.js';
import { type Compared, compared, type Numbers, type Parts, pairs } from './compared.js';
import { sessionsByHand } from './sessionsByHand.js';

const window = { window: 1 };

/** With event times that are batch times. */
function timed<R>(
  make: () => OperatorFunction<Batch<Numbers>, Batch<R>>,
): () => OperatorFunction<Batch<Numbers>, Batch<R>> {
  return () => (source) => {
    let now = 0;
    return source.pipe(
      tap(({ context }) => {
        now = context.time;
      }),
      eventTime({ timestamp: () => now, outOfOrderness: 0 }),
      make(),
    );
  };
}

/** What `each` makes of a batch comes with the next one, for its window. */
function afterOne<R>(
  each: (parts: Parts<Numbers>) => R,
): () => (parts: Parts<Numbers>, time: number) => WindowResult<R> {
  return () => {
    let before: R | undefined;
    return (parts, time) => {
      const result = { start: time - 1, end: time, value: before as R };
      before = each(parts);
      return result;
    };
  };
}

function byKeyAfterOne<V>(each: (parts: Parts<Numbers>) => ReadonlyMap<string, V>) {
  return (): ((parts: Parts<Numbers>, time: number) => Parts<Pair<string, WindowResult<V>>>) => {
    const next = afterOne(each)();
    return (parts, time) => {
      const { start, end, value: values } = next(parts, time);
      return [Array.from(values ?? [], ([key, value]) => [key, { start, end, value }])];
    };
  };
}

export const byEventTime: Readonly<Record<string, Compared>> = {
  eventTime: compared<Numbers, Numbers>(
    pairs,
    timed(() => (source) => source),
    () => {
      let newest = 0;
      return (parts, time) => {
        for (const records of parts) for (const _ of records) newest = Math.max(newest, time);
        return parts;
      };
    },
  ),
  'aggregateByEventWindow, count': compared<Numbers, WindowResult<number>>(
    pairs,
    timed(() => aggregateByEventWindow(count(), window)),
    () => {
      const next = afterOne((parts) => {
        let all = 0;
        for (const records of parts) for (const _ of records) all++;
        return all;
      })();
      return (parts, time) => [[next(parts, time)].filter(({ value }) => value !== undefined)];
    },
  ),
  'aggregateByKeyAndEventWindow, sum': compared<Numbers, Pair<string, WindowResult<number>>>(
    pairs,
    timed(() => aggregateByKeyAndEventWindow(sum(), window)),
    byKeyAfterOne(summed),
  ),
  reduceByKeyAndEventWindow: compared<Numbers, Pair<string, WindowResult<number>>>(
    pairs,
    timed(() => reduceByKeyAndEventWindow((a, b) => a + b, window)),
    byKeyAfterOne(summed),
  ),
  deduplicateByEventTime: compared<Numbers, Numbers>(
    pairs,
    timed(() => deduplicateByEventTime(([key]) => key)),
    () => (parts) => {
      const seen = new Set<string>();
      return parts.map((records) =>
        records.filter(([key]) => {
          if (seen.has(key)) return false;
          seen.add(key);
          return true;
        }),
      );
    },
  ),
  'eventSessionWindow, count': compared<Numbers, Pair<string, Session<number>>>(
    pairs,
    timed(() => eventSessionWindow({ gap: 5, aggregator: count() })),
    sessionsByHand,
  ),
  groupByKeyAndEventWindow: compared<Numbers, Pair<string, WindowResult<readonly number[]>>>(
    pairs,
    timed(() => groupByKeyAndEventWindow(window)),
    byKeyAfterOne(grouped),
  ),
};
