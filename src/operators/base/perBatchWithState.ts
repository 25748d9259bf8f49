import type { OperatorFunction } from 'rxjs';
import { announceState } from '../../batch/announcedStates.js';
import type { Batch } from '../../batch/batch.js';
import type { BatchState, StateDescription } from '../../batch/batchState.js';
import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { checkNonNegativeInteger } from '../../options/checks.js';
import { perBatch } from './perBatch.js';

/** What a stateful operator does with each batch of one state. */
export type StatefulHandler<T, R> =
  | ((batch: Batch<T>) => Batch<R> | undefined)
  | {
      next(batch: Batch<T>): Batch<R>;
      /** As for `BatchHandler`: the snapshot is taken after it. */
      after(batch: Batch<T>): void;
    };

/**
 * Makes every stateful operator. The state is announced when the operator is subscribed to, and opened, restored if there is a
 * checkpoint, at the first batch (`create` then returns the handler). After each batch a snapshot of its changes is taken, which
 * belongs to that batch; with `passesOnFirst`, when the batch has passed on. When the subscription ends, its id is free again.
 */
export function perBatchWithState<T, R, K extends Key, S>(
  description: StateDescription<K, S>,
  create: (state: KeyedState<K, S>, first: Batch<T>) => StatefulHandler<T, R>,
  passesOnFirst = false,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { operator, version } = description;
  if (version !== undefined) checkNonNegativeInteger(operator, 'version', version);
  return perBatch(
    operator,
    (source) => {
      const withdraw = announceState(source, description);
      let opened: BatchState | undefined;
      let state: KeyedState<K, S> | undefined;
      let handler: StatefulHandler<T, R> | undefined;
      const after = (batch: Batch<T>): void => {
        if (typeof handler === 'object') handler.after(batch);
        state?.snapshot(batch.context.time);
      };
      return {
        next(batch: Batch<T>) {
          const { state: states } = batch.context;
          if (!state || !handler || (states !== opened && states.durable)) {
            // Of another run, when a `retry()` further up has restarted the source from the checkpoint.
            state?.close();
            state = states.keyed<K, S>(description);
            handler = create(state, batch);
            opened = states;
          }
          if (typeof handler === 'object') return handler.next(batch);
          const result = handler(batch);
          state.snapshot(batch.context.time);
          return result;
        },
        ...(passesOnFirst && { after }),
        close: () => {
          withdraw();
          state?.close();
        },
      };
    },
    description.id,
  );
}
