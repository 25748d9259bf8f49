import type { Observable, ObservableInput } from 'rxjs';
import type { GroupMembership } from '../batch/groupMembership.js';
import type { GroupEvent } from '../batch/monitoring/groupEvent.js';
import type { Finish } from './stopReport.js';

/** Work that belongs to this process as long as its group says so. */
export interface HeldWork {
  /** Who commits offsets; `undefined` once the work is another member's. */
  membership(): GroupMembership | undefined;
  /**
   * Called before a batch, whose operators may block this thread. Completes when the group has just been told, or is being told, that this process
   * is alive, so that the batch has the session for itself; most times that is at once.
   */
  renew(): Observable<never>;
  /** The operators of a batch have run, for `ms` in which nothing else could: no heartbeat went out. */
  dispatched(ms: number): void;
  /**
   * Called before the checkpoint is opened, which fences another process that works on it. Completes when the group has said not long ago that
   * the work is this process's, which most times is at once, and not at all when it is another's.
   */
  granted(): Observable<never>;
  /** The checkpoint is about to be opened. Returns what is to be called when nothing of it is open any more, however late that is. */
  opens(): () => void;
  /** How long opening and closing may take before `stuck` is called, in ms. */
  readonly patience: number;
  /** A step has taken that long. What closes is not waited for any longer: another process is to have the work. */
  stuck(step: NonNullable<GroupEvent['step']>, lasts: number): void;
}

/** Who wants to work. Called synchronously. */
export interface Owner {
  /** The work belongs to this process. */
  assigned(): void;
  /**
   * The work is to be given away: `released` is to be called when nothing is open. What is open may take `drainTimeout` ms, by default what
   * the ownership says; `finish` is called with what became of it.
   */
  release(drainTimeout?: number, finish?: Finish): void;
  /** The work may belong to another process now. */
  lost(): void;
  /** The work is another process's, and this owner is not to wait for it: what is open is aborted, and the subscribers complete. */
  ended(): void;
  /** Nothing can be done. */
  failed(error: unknown): void;
}

/** What an owner has of its group. */
export interface Lease extends HeldWork {
  /** From now on the owner is called. */
  start(): void;
  /** Asks the group whether the work is still this process's, after `error`, which says that it is another's. */
  confirm(error: unknown): ObservableInput<boolean>;
  /** Nothing is open: another process may begin. */
  released(): void;
  /** Leaves the group. Completes when that is done; never fails. */
  leave(): ObservableInput<unknown>;
}

/** Where work is divided among processes. */
export interface Ownership {
  /** How long what is open may take when the work is given away, in ms. */
  readonly drainMs: number;
  /** Asks for the work; one call for each subscription. */
  claim(owner: Owner): Lease;
}
