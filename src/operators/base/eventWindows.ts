import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { CommittedState } from '../../batch/committedState.js';
import { MissingEventTimeError } from '../../batch/errors.js';
import { type EventClock, eventTimeOf } from '../../batch/eventTime.js';
import { addEventTimeCounts } from '../../batch/eventTimeCounts.js';
import type { Key } from '../../batch/key.js';
import { SideOutput } from '../../batch/sideOutput.js';
import { EventPanes } from '../../eventtime/eventPanes.js';
import { ShortLivedWindow } from '../../eventtime/shortLived.js';
import { inEventOrder, type TimedInput, type TimedInputs } from '../../eventtime/timedInputs.js';
import { WindowNumbers } from '../../eventtime/windowNumbers.js';
import { WindowUpdates } from '../../eventtime/windowUpdates.js';
import type { Aggregator } from '../../windows/aggregator.js';
import { aggregatorSignature } from '../../windows/aggregatorSignature.js';
import type { SlotOperation } from '../../windows/slotColumns.js';
import {
  type EventWindowOptions,
  type LateRecord,
  lateFeeds,
  type WindowEmit,
  type WindowResult,
  type WindowUpdate,
  windowShapeOf,
} from '../eventWindowOptions.js';
import { afterSteps } from '../fusion/perRecord.js';
import { eventResults } from './eventResults.js';
import { feeding } from './feeding.js';
import { lateRecord } from './lateRecord.js';
import { openWindows } from './openWindows.js';
import { type PaneState, paneLayout } from './paneEntries.js';
import { perBatchWithState } from './perBatchWithState.js';
import type { Shown } from './queryableOption.js';
import { SavedPanes } from './savedPanes.js';

/** How the records of an operator go into windows. */
export interface EventWindowSettings<T, K extends Key, In, P, Out, R> {
  readonly operator: string;
  readonly options: EventWindowOptions<T, WindowEmit>;
  readonly aggregator: Aggregator<In, P, Out>;
  /** Where the windows that are open are shown. */
  readonly queryable?: Shown | undefined;
  /** How a window slides, if not by two stacks. */
  readonly keyed?: Omit<SlotOperation<P>, 'reduce'> | undefined;
  /** The key of a record; throws if it has no valid key. */
  keyOf(record: T): K;
  inputOf(record: T): In;
  /** The record of a result. */
  resultOf(key: K, result: WindowResult<Out> | WindowUpdate<Out>): R;
}

/** Makes every operator over event-time windows. */
export function eventWindows<T, K extends Key, In, P, Out, R>(
  settings: EventWindowSettings<T, K, In, P, Out, R>,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { aggregator, inputOf, options } = settings;
  if (!aggregator.ordered) {
    const { add: _, ...copying } = aggregator;
    // What has been emitted must not change: `add` may change a partial in place.
    const used = options.emit === undefined || options.emit === 'final' ? aggregator : copying;
    return slidingEventWindows<T, K, In, P, Out, R>(settings, used, (record) => inputOf(record));
  }
  return slidingEventWindows<T, K, TimedInput<In>, TimedInputs<In>, Out, R>(
    { ...settings, keyed: undefined },
    inEventOrder(aggregator),
    (record, { time, origin, sequence }) => [time, origin.rank, sequence, inputOf(record)],
  );
}

function slidingEventWindows<T, K extends Key, In, P, Out, R>(
  settings: Pick<
    EventWindowSettings<T, K, never, P, Out, R>,
    'operator' | 'options' | 'queryable' | 'keyed' | 'keyOf' | 'resultOf'
  >,
  aggregator: Aggregator<In, P, Out>,
  inputOf: (record: T, clock: EventClock) => In,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { operator, options, queryable, keyed, keyOf, resultOf } = settings;
  const shape = windowShapeOf(options);
  const numbers = new WindowNumbers(shape);
  const { window, slide, offset } = shape;
  const { emit = 'final' } = options;
  const signature = `window=${window} slide=${slide} offset=${offset} ${paneLayout} ${aggregatorSignature(aggregator)}`;
  const shown = queryable && {
    connect: (panes: CommittedState<string, PaneState<P>>) =>
      queryable.connect(openWindows<K, P, Out>(panes, numbers, aggregator) as CommittedState<never, never>),
  };
  const description = { operator, id: options.id, signature, queryable: shown };
  const side = options.late && SideOutput.feedOf(options.late);

  return afterSteps<T, R>({ operator, id: options.id }, (visitRecords) => {
    const windows = perBatchWithState<unknown, R, string, PaneState<P>>(description, (state) => {
      // Without an id there is no checkpoint that could read it.
      const kept = options.id !== undefined || queryable !== undefined;
      const saved = kept ? new SavedPanes<K, P>(state) : undefined;
      const updates = emit === 'final' ? undefined : new WindowUpdates<K, P>(numbers, emit, saved);
      const panes = new EventPanes<K, In, P>(numbers, aggregator, keyed, updates ?? saved);
      if (saved) panes.restore(saved.restored());

      return (batch) => {
        const eventTime = eventTimeOf(batch);
        if (!eventTime) throw new MissingEventTimeError(operator);
        const { clock, before } = eventTime;
        const late: LateRecord<T>[] = [];
        let partlyLate = 0;
        visitRecords(batch, (record) => {
          const placement = panes.add(keyOf(record), inputOf(record, clock), clock);
          if (placement === 'counted') return;
          if (placement === 'late') late.push(lateRecord(record, clock, before));
          else if (placement === 'partly late') partlyLate++;
        });
        addEventTimeCounts(batch.context, { late: late.length, partlyLate });
        side?.next(batch.withRecords(late));

        const results: R[] = [];
        const counts: (readonly [end: number, results: number])[] = [];
        const { after } = eventTime;
        updates?.visited();
        panes.close(after, (number, partials) => {
          const start = numbers.start(number);
          const end = numbers.end(number);
          partials.forEach((partial, key) => {
            const value = aggregator.lower(partial);
            const result = updates ? { start, end, value, final: true } : new ShortLivedWindow(start, end, value);
            results.push(resultOf(key, result));
          });
          counts.push([end, results.length]);
        });
        if (updates) {
          const views = panes.views();
          for (const { window: number, keys } of updates.take(before, after, views)) {
            const [start, end] = [numbers.start(number), numbers.end(number)];
            const within = views.filter(({ time, from }) => numbers.contains(number, time) && from <= number);
            for (const key of keys) {
              const found = panes.partialOf(key, within);
              if (found) results.push(resultOf(key, { start, end, value: aggregator.lower(found[0]), final: false }));
            }
            counts.push([end, results.length]);
          }
        }
        saved?.flush();
        return eventResults(batch.context, eventTime, results, () => endsOf(counts));
      };
    });
    return feeding(operator, lateFeeds(options), windows);
  });
}

/** The last ms of the window of each result. `counts`: the number of results up to those of each window. */
function endsOf(counts: readonly (readonly [end: number, results: number])[]): readonly number[] {
  const times: number[] = [];
  for (const [end, results] of counts) while (times.length < results) times.push(end - 1);
  return times;
}
