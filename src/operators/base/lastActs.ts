import { defer, finalize, type ObservableInput } from 'rxjs';
import type { BatchContext } from '../../batch/batchContext.js';
import type { LastAct } from '../../batch/hold.js';
import type { EffectDescription } from '../../batch/monitoring/effectRunner.js';

/** What an operator does last in the batches of one subscription. */
export interface LastActs {
  /** Has `work` run as the last thing of the batch, seen by monitors and within the time limit for outputs. */
  add(context: BatchContext, work: () => ObservableInput<unknown>): void;
  /** The subscription ended: batches whose act has not settled fail. */
  close(): void;
}

export function lastActs(output: EffectDescription): LastActs {
  const pending = new Set<LastAct>();
  return {
    add(context, work) {
      const { effects } = context;
      const run = () => (effects ? effects.effect(output, () => effects.limited(output, work)) : defer(work));
      const act = context.beforeComplete(() => run().pipe(finalize(() => pending.delete(act))));
      pending.add(act);
    },
    close() {
      for (const act of pending) act.abandon();
    },
  };
}
