import type { Observer } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { GroupEvent } from '../../batch/monitoring/groupEvent.js';
import type { OptionChecks } from '../../options/checkOptions.js';
import { allOf, checkObserver, checkPositiveInteger, checkText, checkTimer } from '../../options/checks.js';
import type { Resolved } from '../../options/resolved.js';

/** How a process is a member of its group. */
export interface MembershipOptions {
  /**
   * Makes the process a static member, with an id that is its own and the same after a restart, such as `process.env.HOSTNAME` of a
   * StatefulSet: if it is back within `sessionTimeout`, nothing moves to another process. Two processes with one id fence each other: the older one
   * fails with a `FencedError`. Default: what a process had goes to others as soon as it leaves.
   */
  readonly instanceId?: string | undefined;
  /**
   * How long the group waits for a heartbeat before others get the work of a process, in ms. It must exceed twice the longest time for which
   * the event loop is blocked, such as by a batch (`dispatchDelay`). Brokers allow 6,000 to 1,800,000 by default.
   * @default 30000
   */
  readonly sessionTimeout?: number | undefined;
  /**
   * How often a heartbeat is sent, in ms, at most a third of `sessionTimeout`. A process hears by its heartbeats that work is given to it or taken
   * from it.
   * @default a tenth of `sessionTimeout`
   */
  readonly heartbeatInterval?: number | undefined;
  /**
   * Receives what happens to the membership. Only `next` is called; what it throws is reported as an error that nobody handles, and the job
   * goes on. Default none.
   */
  readonly groupObserver?: Partial<Observer<GroupEvent>> | undefined;
}

export type ResolvedMembershipOptions = Resolved<Omit<MembershipOptions, 'instanceId' | 'groupObserver'>> &
  Pick<MembershipOptions, 'groupObserver'> & { readonly instanceId: string | undefined };

/** What each option must be. */
export const membershipChecks: OptionChecks<MembershipOptions> = {
  instanceId: checkText,
  sessionTimeout: allOf(checkPositiveInteger, checkTimer),
  heartbeatInterval: checkPositiveInteger,
  groupObserver: checkObserver,
};

/**
 * The options with their defaults. The public function has checked them, with `membershipChecks`.
 *
 * @throws {InvalidOptionError} when the heartbeats are too rare
 */
export function resolveMembershipOptions(owner: string, options: MembershipOptions): ResolvedMembershipOptions {
  const { instanceId, groupObserver, sessionTimeout = 30_000 } = options;
  const { heartbeatInterval = Math.max(Math.round(sessionTimeout / 10), 1) } = options;
  if (3 * heartbeatInterval > sessionTimeout) {
    const rule = `must be at most a third of sessionTimeout (${sessionTimeout})`;
    throw new InvalidOptionError(owner, 'heartbeatInterval', heartbeatInterval, rule);
  }
  return { instanceId, sessionTimeout, heartbeatInterval, ...(groupObserver && { groupObserver }) };
}
