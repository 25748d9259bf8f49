import type { Observable, ObservableInput } from 'rxjs';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { TaskClaims } from './assignTasks.js';
import type { GroupTask } from './groupTask.js';
import type { StandbyClaims } from './taskCopies.js';

/** What a member tells its owner. It is called synchronously, and may call the member. */
export interface GroupMemberEvents {
  /** The group has this many tasks, by the assignment that has arrived; called before the other methods hear of that. */
  counted?(tasks: number): void;
  /** The tasks are this member's. `tasks` is how many there are in the group. */
  assigned(added: readonly GroupTask[], tasks: number): void;
  /** The tasks are to be given away: `released` is to be called for each when it is drained. */
  release(tasks: readonly GroupTask[]): void;
  /** The tasks may be another member's now: nothing is to be drained. */
  lost(tasks: readonly GroupTask[]): void;
  /** The task was to be given away, and this has not ended: from now on it counts as given away, and nothing more may be done for it. */
  overdue(task: GroupTask): void;
  /** Nothing can be done: the member has lost all and does not go on. */
  failed(error: unknown): void;
  happened(event: GroupEvent): void;
  /** Where copies of checkpoints are kept. Default: this member keeps none. */
  readonly copies?: MemberCopies;
}

/** The copies of checkpoints that a member keeps. */
export interface MemberCopies {
  /** Looks once, before the first join, which copies of the tasks are there, of which it asks for all. */
  look(tasks: Observable<readonly GroupTask[]>): ObservableInput<unknown>;
  claims(): StandbyClaims | undefined;
  /** Patterns of topics of which the leader is to hear, as text. Default: none. */
  readonly patterns?: readonly string[];
  /** For the leader: how good the copies of a member are, by the id of the task, and who is to keep some, by the id of the member. */
  ranks(claims: StandbyClaims): ReadonlyMap<string, number>;
  place(
    assigned: ReadonlyMap<string, readonly string[]>,
    members: readonly TaskClaims[],
    tasks: readonly string[],
  ): ReadonlyMap<string, readonly string[]>;
  /** Copies of the checkpoints of these tasks, and of no others, are to be kept up to date. */
  keep(tasks: readonly GroupTask[], tasksInAll: number): void;
}

/** What an event says beside who it is about. */
export type EventFacts = Pick<
  GroupEvent,
  'late' | 'dispatchDelay' | 'reason' | 'step' | 'lasts' | 'attempts' | 'behind' | 'missing' | 'error'
>;

/** Events of tasks that this member holds. */
export type OfHeldTask = 'fenced' | 'reopened';
/** Events of other tasks, too. */
export type OfTask = 'stuck' | 'standby' | 'standby-behind' | 'standby-stale' | 'standby-ended' | 'standby-missing';
