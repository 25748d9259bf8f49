import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { Key, Pair } from '../../batch/key.js';
import { KeyedWindow, type KeyedWindowOptions, type Pane } from '../../windows/keyedWindow.js';
import { afterSteps } from '../fusion/perRecord.js';
import type { WindowOptions } from '../windowOptions.js';
import type { Shown } from './queryableOption.js';
import { slidingPanes, type TimedPane } from './slidingPanes.js';

export interface SlidingKeysOptions<T, K extends Key, P, R> {
  readonly operator: string;
  readonly options: WindowOptions;
  readonly queryable: Shown | undefined;
  readonly signature?: string | undefined;
  readonly keyed: KeyedWindowOptions<K, P>;
  readonly emit: 'all' | 'changes';
  /** The partials of one batch; `visit` calls its argument with each record. */
  partials(visit: (add: (record: T) => void) => void): ReadonlyMap<K, P>;
  /** The result of a partial. */
  lower(partial: P): R;
}

interface KeyedPane<K, P> {
  readonly partials: ReadonlyMap<K, P>;
  /** The keys that the filter dropped at the time of the pane. */
  readonly dropped: readonly K[];
}

interface SavedKeyedPane<K, P> {
  readonly partials: readonly (readonly [K, P])[];
  readonly dropped?: readonly K[];
}

/** Makes every operator by key over sliding windows. */
export function slidingKeys<T, K extends Key, P, R>(
  settings: SlidingKeysOptions<T, K, P, R>,
): OperatorFunction<Batch<T>, Batch<Pair<K, R | undefined>>> {
  const { operator, options, signature, keyed, emit, lower } = settings;
  type Result = Pair<K, R | undefined>;
  return afterSteps<T, Result>({ operator, id: options.id }, (visitRecords) =>
    slidingPanes<unknown, KeyedPane<K, P>, Result, SavedKeyedPane<K, P>>({
      operator,
      options,
      signature,
      queryable: settings.queryable,
      shows: emit === 'all' ? 'pairs' : 'changes',
      create() {
        const window = new KeyedWindow<K, P>(keyed);
        const resultsOf = (slots: ReturnType<typeof window.slots>): readonly Result[] =>
          Array.from(slots, (slot) => [slot.key, slot.panes > 0 ? lower(slot.current()) : undefined]);
        return {
          pane(batch) {
            const partials = settings.partials((add) => visitRecords(batch, add));
            return partials.size > 0 ? { partials, dropped: [] } : undefined;
          },
          restore: (panes) => window.restore(panes.map(timed)),
          slide(evicted, added) {
            const touched = window.slide(evicted, added.map(timed));
            return resultsOf(emit === 'all' ? window.slots() : touched);
          },
          whole: () => resultsOf(window.slots()),
          amend(pane) {
            const { dropped } = window;
            return dropped.length === 0 ? undefined : { partials: pane?.partials ?? new Map(), dropped };
          },
          encode: ({ partials, dropped }) => ({ partials: [...partials], ...(dropped.length > 0 && { dropped }) }),
          decode: ({ partials, dropped = [] }) => ({ partials: new Map(partials), dropped }),
        };
      },
    }),
  );
}

function timed<K, P>([time, { partials, dropped }]: TimedPane<KeyedPane<K, P>>): Pane<K, P> {
  return { time, partials, dropped };
}
