import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';

/** A copy that this process keeps of the checkpoint of a task of another one. */
export interface CopyView {
  readonly task: string;
  /** In offsets; `undefined` where nobody knows. */
  readonly behind: number | undefined;
}

/** What happened to this process as a member of a group. */
export interface GroupRow {
  readonly number: number;
  readonly at: number;
  readonly type: GroupEvent['type'];
  /** The ids of the tasks concerned. */
  readonly tasks: string;
  /** What else there is to say; `''` for nothing. */
  readonly facts: string;
}

/** This process as a member of groups: bounded in size, whatever the number of tasks. */
export interface GroupView {
  /** The ids of the tasks that it has. */
  readonly tasks: string;
  /** Those that nobody knows about first, and then those that are furthest behind. */
  readonly copies: readonly CopyView[];
  /** Copies that are not in `copies`. */
  readonly moreCopies: number;
  /** Oldest first. */
  readonly events: readonly GroupRow[];
}
