import type { OperatorFunction } from 'rxjs';
import { announceState } from '../../batch/announcements.js';
import type { Batch } from '../../batch/batch.js';
import type { BatchState, StateDescription } from '../../batch/batchState.js';
import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { perBatch } from './perBatch.js';

/**
 * Makes every stateful operator. The state is announced when the operator is subscribed to, and opened, restored if there is a
 * checkpoint, at the first batch (`create` then returns the handler). After each batch a snapshot of its changes is taken, which
 * belongs to that batch. When the subscription ends, its id is free again.
 */
export function perBatchWithState<T, R, K extends Key, S>(
  description: StateDescription<K, S>,
  create: (state: KeyedState<K, S>, first: Batch<T>) => (batch: Batch<T>) => Batch<R> | undefined,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { operator } = description;
  return perBatch(
    operator,
    (source) => {
      const withdraw = announceState(source, description);
      let opened: BatchState | undefined;
      let state: KeyedState<K, S> | undefined;
      let next: ((batch: Batch<T>) => Batch<R> | undefined) | undefined;
      return {
        next(batch: Batch<T>) {
          const { state: states } = batch.context;
          if (!state || !next || (states !== opened && (states.durable || batch.context.run.restarts))) {
            // Of another run, when a `retry()` further up has restarted the source from the checkpoint.
            state?.close();
            state = states.keyed<K, S>(description);
            next = create(state, batch);
            opened = states;
          }
          const result = next(batch);
          state.snapshot(batch.context.time);
          return result;
        },
        close: () => {
          withdraw();
          state?.close();
        },
      };
    },
    description.id,
  );
}
