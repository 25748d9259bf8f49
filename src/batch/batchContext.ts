import type { ObservableInput } from 'rxjs';
import type { KeyCheck } from '../collections/ownKeys.js';
import type { InputInfo } from './batchInfo.js';
import type { BatchState } from './batchState.js';
import type { GroupMembership } from './groupMembership.js';
import type { BatchWaiter, Hold, LastAct } from './hold.js';
import type { EffectRunner } from './monitoring/effectRunner.js';
import type { PartitionSelection } from './partitionSelection.js';
import type { RecordErrors } from './recordErrors.js';
import type { TaskInfo } from './taskInfo.js';

/** One run of a driver, from its start to its end. All its batches refer to it, and only they do. */
export interface BatchRun {
  /** Whether the run has ended, for whatever reason. A `retry()` begins another. */
  readonly closed: boolean;
  /** Whether the stream starts again by itself when a batch fails (`retry`): then an operator must not pass the error on. */
  readonly restarts?: boolean | undefined;
  /** The task that the run works on, where a job is divided into tasks. */
  readonly task?: TaskInfo | undefined;
  /**
   * The partitions that its sources were given, where topics are divided by hand.
   * @internal
   */
  readonly selection?: PartitionSelection | undefined;
  /**
   * Throws for a key that is another task's; absent where keys are not checked.
   * @internal
   */
  readonly keyCheck?: KeyCheck | undefined;
  /**
   * Who commits the offsets of the run, `undefined` once its work is another member's; absent where the run belongs to no member of a
   * group.
   * @internal
   */
  readonly membership?: (() => GroupMembership | undefined) | undefined;
  /**
   * The ids of the clusters that its sources read from, as far as they are known.
   * @internal
   */
  readonly clusters?: readonly string[] | undefined;
  /**
   * The groups under which its sources commit offsets.
   * @internal
   */
  readonly groups?: readonly string[] | undefined;
  /** The batches that were dispatched and are not complete yet, oldest first. */
  readonly open: Iterable<BatchContext>;
  /** Calls `teardown` once when the run ends, or at once if it has ended. */
  whenClosed(teardown: () => void): void;
}

/** What travels with a batch through every operator, untouched. The streams of one driver share one for each batch. */
export interface BatchContext {
  /** The batch time: the end of its interval, in ms, a multiple of `interval` unless intervals change. */
  readonly time: number;
  /** The batch interval in ms. */
  readonly interval: number;
  /** The longest interval in ms, where intervals change (`dynamicInterval`): windows and slides are its multiples. */
  readonly maxInterval?: number | undefined;
  /** The time of the batch before the very first one, in ms. Slides are counted from here, across restarts too. */
  readonly zeroTime: number;
  /** What each source put into the batch, by the name of the source. */
  readonly inputs: Readonly<Record<string, InputInfo>>;
  /** Where stateful operators keep their state, restored from the checkpoint. */
  readonly state: BatchState;
  /** How outputs run their effects; absent where the stream has neither monitors nor a time limit. */
  readonly effects?: EffectRunner | undefined;
  /** What happens to a record for which a user's function throws; absent where that fails the stream. */
  readonly recordErrors?: RecordErrors | undefined;
  /** The task that the batch is of, where a job is divided into tasks. */
  readonly task?: TaskInfo | undefined;
  /**
   * Names the partitions that the stream was given when the batch was planned, where topics are divided by hand.
   * @internal
   */
  readonly selection?: string | undefined;
  /** The run of the driver that the batch belongs to. Only batches of one run can be joined. */
  readonly run: BatchRun;
  /**
   * Keeps the batch open until the hold is released. A batch is complete, and its progress may be saved, when no hold
   * is left.
   *
   * @param aborted called when the batch is aborted while the hold is open (the stream failed, was unsubscribed, or was
   *   stopped and did not finish in time): the effect is to be aborted too. `cause` is the error, if there is one.
   * @throws {LateHoldError} when the batch is complete already
   */
  hold(aborted?: (cause?: unknown) => void): Hold;
  /**
   * Keeps the batch open as `hold` does, but neither claims the batch nor counts as processing time.
   *
   * @throws {LateHoldError} when the batch is complete already
   */
  wait(waiter: BatchWaiter): Hold;
  /**
   * Runs `act` as the last thing of the batch: when every hold is released, so after the effects of all outputs, in the order of the
   * batches, and before progress is saved. It claims the batch. If `act` fails, the batch fails; if the batch fails or is aborted
   * earlier, `act` does not run. Acts of several operators run side by side.
   *
   * @throws {LateHoldError} when the batch is complete already
   */
  beforeComplete(act: () => ObservableInput<unknown>): LastAct;
}
