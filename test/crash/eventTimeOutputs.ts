import {
  aggregateByKeyAndEventWindow,
  type Batch,
  deduplicateByEventTime,
  eventSessionWindow,
  eventTime,
  filterRecords,
  intervalJoin,
  type LateRecord,
  mapRecords,
  type Pair,
  sideOutput,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { merge, type Observable, type OperatorFunction, share, tap } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';
import { type Event, eventJoin, eventWindow, sessionGap } from './records.js';

/** Writes the records of each batch under its time. */
export type Save = <T>(name: string) => OperatorFunction<Batch<T>, unknown>;

/** Operators by event time: windows with late records, sessions, duplicates and a join. */
export function eventTimeOutputs(events: Observable<Batch<Event>>, save: Save): Observable<unknown> {
  const { outOfOrderness, ...windows } = eventWindow;
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  const timed = events.pipe(
    eventTime({ timestamp: ({ at }) => at, outOfOrderness, idleAfter: Infinity, future: Infinity, id: 'time' }),
    tap(() => failpoint('operators')),
    share(),
  );
  const pairsOf = (test: (event: Event) => boolean) =>
    timed.pipe(
      filterRecords(test),
      mapRecords(({ key, sequence }): Pair<string, number> => [key, sequence]),
    );
  const pairs = pairsOf(() => true);
  return merge(
    events.pipe(
      mapRecords(({ partition, sequence }) => [partition, sequence]),
      save('raw'),
    ),
    late.pipe(
      mapRecords(({ record: [key], time }) => `${key} at ${time}`),
      save('late'),
    ),
    pairs.pipe(aggregateByKeyAndEventWindow(count(), { ...windows, late, id: 'event' }), save('event')),
    pairs.pipe(eventSessionWindow({ gap: sessionGap, aggregator: count(), id: 'session' }), save('session')),
    timed.pipe(
      deduplicateByEventTime(({ key }) => key, { id: 'passed' }),
      mapRecords(({ key, at }) => `${key} at ${at}`),
      save('passed'),
    ),
    pairsOf(({ partition }) => partition === 0).pipe(
      intervalJoin(
        pairsOf(({ partition }) => partition !== 0),
        { ...eventJoin, id: 'joined' },
      ),
      save('joined'),
    ),
  );
}
