import { type Batch, mapRecords, mapWithState, type Pair, reduceByKeyAndWindow, updateStateByKey } from 'dstream';
import { merge, type Observable, type OperatorFunction, share } from 'rxjs';

/** A record of the input: its key, and where it is. */
export interface TaskEvent {
  readonly key: string;
  readonly offset: number;
}

/** Batches of 200 ms: with an interval that is short beside a session, many batches are open when a process is killed. */
export const interval = 200;
const window = 5 * interval;
const timeout = 7 * interval + interval / 2;

/** What is written: the input, windows with an inverse, totals, and states that time out. `save` writes one of them by its name. */
export function taskOutputs(
  task: Observable<Batch<TaskEvent>>,
  save: (name: string) => OperatorFunction<Batch<string>, unknown>,
): Observable<unknown> {
  const events = task.pipe(share());
  const pairs = events.pipe(mapRecords(({ key }): Pair<string, number> => [key, 1]));
  const add = (a: number, b: number) => a + b;
  return merge(
    events.pipe(
      mapRecords(({ key, offset }) => `${offset} ${key}`),
      save('input'),
    ),
    pairs.pipe(
      reduceByKeyAndWindow(add, { inverse: (a, b) => a - b, window, slide: interval, id: 'window' }),
      mapRecords(([key, count]) => `${key} ${count}`),
      save('window'),
    ),
    pairs.pipe(
      updateStateByKey<string, number, number>((values, total) => values.length + (total ?? 0), {
        id: 'totals',
        call: 'touched',
      }),
      mapRecords(([key, count]) => `${key} ${count}`),
      save('totals'),
    ),
    pairs.pipe(
      mapWithState<string, number, number, string>(
        (key, _, state) => {
          if (state.isTimingOut) return `${key} left with ${state.get()}`;
          state.update((state.get() ?? 0) + 1);
          return `${key} has ${state.get()}`;
        },
        { timeout, id: 'running' },
      ),
      save('running'),
    ),
  );
}
