import type { InputInfo } from './batchInfo.js';
import type { BatchState } from './batchState.js';
import type { Hold, HoldKind } from './hold.js';
import type { BatchMonitoring } from './monitoring/batchMonitoring.js';

/** What travels with a batch through every operator, untouched. */
export interface BatchContext {
  /** The batch time: the end of its interval, in ms, a multiple of `interval` unless intervals change. */
  readonly time: number;
  /** The batch interval in ms. */
  readonly interval: number;
  /** The longest interval, where intervals change (`dynamicInterval`): windows and slides are its multiples. */
  readonly maxInterval?: number | undefined;
  /** The time of the batch before the very first one. Slides are counted from here, across restarts too. */
  readonly zeroTime: number;
  /** What each source put into the batch, by the name of the source. */
  readonly inputs: Readonly<Record<string, InputInfo>>;
  /** Where stateful operators keep their state, restored from the checkpoint. */
  readonly state: BatchState;
  /** What operators report to for the monitors of the stream; absent where none watches. */
  readonly monitoring?: BatchMonitoring | undefined;
  /**
   * Keeps the batch open until the hold is released. A batch is complete, and its progress may be saved, when no hold
   * is left. A `'wait'` hold marks time spent waiting for another stream: it is not counted as processing. `aborted` is
   * called when the batch is given up (the stream failed, was unsubscribed, or was stopped and did not finish in time)
   * while the hold is open: the effect is to be given up too. `cause` is the error, when
   * there is one.
   *
   * @throws {LateHoldError} when the batch is complete already
   */
  hold(kind?: HoldKind, aborted?: (cause?: unknown) => void): Hold;
}
