import type { SchedulerLike } from 'rxjs';
import type { TaskLayout } from './groupTask.js';

/** What a member needs to know. Times in ms. */
export interface GroupMemberOptions {
  readonly groupId: string;
  readonly instanceId: string | undefined;
  /** Members of one group must have the same name of the protocol. */
  readonly protocol: string;
  readonly topics: readonly (string | RegExp)[];
  readonly layout: TaskLayout;
  readonly processId: string;
  readonly sessionTimeout: number;
  readonly heartbeatInterval: number;
  /** How often the leader looks for new partitions. */
  readonly discoverInterval: number;
  /** How long the first join is tried. */
  readonly retryTimeout: number;
  /** How long what is open of a task may take when it is to be given away. */
  readonly drainMs: number;
  readonly scheduler: SchedulerLike;
}
