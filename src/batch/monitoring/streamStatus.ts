/**
 * Where a subscription is in its life.
 *
 * | status | meaning |
 * | --- | --- |
 * | `connecting` | opening the checkpoint and the sources, or waiting for the stream that owns the checkpoint |
 * | `recovering` | running batches that a checkpoint had planned and not saved |
 * | `running` | batches complete as they come due |
 * | `stalled` | a batch is open or due, and none has completed for `stallAfter` |
 * | `stopping` | `stop()` was called; open batches are finishing |
 * | `stopped` | ended without an error: completed, stopped or unsubscribed |
 * | `failed` | ended by an error; `retry()` starts a new subscription |
 */
export type StreamStatus = 'connecting' | 'recovering' | 'running' | 'stalled' | 'stopping' | 'stopped' | 'failed';

/** What makes a stream change its status. */
export type StatusTrigger = 'opened' | 'replayed' | 'recovered' | 'overdue' | 'progressed' | 'stop' | 'end' | 'error';

const ending = { end: 'stopped', error: 'failed' } as const;

/** The status that follows each status, by what happened. What is absent changes nothing. */
export const statusTransitions: Readonly<Record<StreamStatus, Readonly<Partial<Record<StatusTrigger, StreamStatus>>>>> =
  {
    connecting: { opened: 'recovering', recovered: 'running', stop: 'stopping', ...ending },
    recovering: { recovered: 'running', overdue: 'stalled', stop: 'stopping', ...ending },
    running: { overdue: 'stalled', stop: 'stopping', ...ending },
    stalled: { replayed: 'recovering', recovered: 'running', progressed: 'running', stop: 'stopping', ...ending },
    stopping: { ...ending },
    stopped: {},
    failed: {},
  };

/** A change of status. */
export interface StatusChange {
  /** The new status. */
  readonly status: StreamStatus;
  /** The status before; `undefined` for the first. */
  readonly previous: StreamStatus | undefined;
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** Why a stream that is `connecting` has to wait: another stream has its checkpoint. */
  readonly reason?: string;
  /** The error, of `failed`. */
  readonly error?: unknown;
}
