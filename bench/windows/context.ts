import type { BatchContext } from '../../src/index.js';
import { StateRegistry } from '../../src/state/stateRegistry.js';

/** Contexts without a driver: what an operator costs is timed, not what makes the batches. */
export function contextAt(): (time: number) => BatchContext {
  const state = new StateRegistry();
  const inputs = {};
  const open = { release: () => {}, fail: () => {}, abandon: () => {} };
  const hold = () => open;
  const run = { closed: false, open: [], whenClosed: () => {} };
  return (time) => ({ time, interval: 1, zeroTime: 0, inputs, state, run, hold, wait: hold, beforeComplete: hold });
}
