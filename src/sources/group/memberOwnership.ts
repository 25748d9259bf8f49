import { tap } from 'rxjs';
import type { Ownership } from '../../driver/ownership.js';
import { tellObserver } from '../../observables/tellObserver.js';
import type { GroupClient } from './groupClient.js';
import { GroupMember } from './groupMember.js';
import { oneTask } from './groupTask.js';
import type { GroupMemberOptions } from './memberOptions.js';
import type { ResolvedMembershipOptions } from './membershipOptions.js';
import { otherJobs } from './otherJobs.js';

/** What the ownership of a whole stream needs to know. */
export type StreamOwnershipOptions = Omit<GroupMemberOptions, 'layout' | 'protocol'> &
  Pick<ResolvedMembershipOptions, 'groupObserver'> & {
    /** Called when the group has another job, which reads other topics. */
    readonly warn: (message: string) => void;
  };

/** Members of a group of this kind have all or nothing. */
const protocol = 'dstream-exclusive-1';

/** The work of a stream belongs to one member of its group at a time; each subscription is a member of its own. */
export function streamOwnership(newClient: () => GroupClient, options: StreamOwnershipOptions): Ownership {
  const { groupObserver, drainMs, warn, ...rest } = options;
  return {
    drainMs,
    claim: (owner) => {
      let held = '';
      const jobs = otherJobs(rest, warn);
      const member = new GroupMember(
        newClient(),
        { ...rest, protocol, layout: oneTask, drainMs },
        {
          assigned: (tasks) => {
            held = tasks[0]?.id ?? '';
            jobs.keep(tasks, tasks.length);
            owner.assigned();
          },
          release: () => owner.release(),
          lost: () => owner.lost(),
          overdue: () => owner.lost(),
          failed: (error) => owner.failed(error),
          happened: (event) => tellObserver(groupObserver, event),
          copies: jobs,
        },
      );
      return {
        start: () => member.start(),
        membership: () => member.membership(held),
        renew: () => member.renew(),
        dispatched: (ms) => member.late.dispatched(ms),
        granted: () => member.granted(held),
        opens: () => () => {},
        confirm: (error) => {
          member.tell('fenced', held, { error });
          return member.confirm(held).pipe(
            tap((isHeld) => {
              if (isHeld) member.tell('reopened', held);
            }),
          );
        },
        patience: options.sessionTimeout,
        stuck: (step, lasts) => member.tell('stuck', held, { step, lasts }),
        released: () => member.released(held),
        leave: () => member.leave(),
      };
    },
  };
}
