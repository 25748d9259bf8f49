import type { StateDescription } from '../batch/batchState.js';

/** Whether an operator can read a state that was saved under that signature. */
export function readsSignature(
  { signature = '', reads }: Pick<StateDescription<never, never>, 'signature' | 'reads'>,
  saved: string,
): boolean {
  return saved === signature || reads?.(saved) === true;
}
