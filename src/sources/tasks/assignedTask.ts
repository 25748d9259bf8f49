import { EMPTY, type SchedulerLike, Subscription, tap } from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import { SubscribedTaskError } from '../../batch/errors.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import type { Lease, Owner, Ownership } from '../../driver/ownership.js';
import type { Finish } from '../../driver/stopReport.js';
import type { GroupMember } from '../group/groupMember.js';

/** What happens to a task of this process. */
export interface AssignedTaskEvents {
  /** It is subscribed to. */
  opened(): void;
  /** Its checkpoint is about to be opened. Returns what is called when nothing of it is open any more. */
  opens(): () => void;
  /** It was to be given away, and nothing of it is open. */
  released(): void;
  /** A subscription of it has ended, and nothing of it is open. */
  closed(): void;
}

/** Times in ms. */
interface TaskLimits {
  readonly drainMs: number;
  /** How long a step may take, and how long it may have no subscriber, until the group observer hears of that. */
  readonly patience: number;
  readonly scheduler: SchedulerLike;
}

type Member = Pick<GroupMember, 'membership' | 'renew' | 'granted' | 'late' | 'confirm' | 'tell'>;

/**
 * A task from when it is assigned to this process until it is given away or lost. One subscription at a time works on it; where that
 * fails, another one may go on.
 */
export class AssignedTask implements Ownership {
  readonly info: TaskInfo;
  readonly drainMs: number;
  readonly #patience: number;
  readonly #scheduler: SchedulerLike;
  readonly #member: Member;
  readonly #events: AssignedTaskEvents;
  #state: 'held' | 'releasing' | 'over' = 'held';
  #owner: Owner | undefined;
  /** Runs while nobody is subscribed to it. */
  #unclaimed = Subscription.EMPTY;

  constructor(
    info: TaskInfo,
    member: Member,
    { drainMs, patience, scheduler }: TaskLimits,
    events: AssignedTaskEvents,
  ) {
    this.info = info;
    this.#member = member;
    this.drainMs = drainMs;
    this.#patience = patience;
    this.#scheduler = scheduler;
    this.#events = events;
  }

  /** @throws {SubscribedTaskError} while a subscription works on it */
  claim(owner: Owner): Lease {
    const { id } = this.info;
    if (this.#owner) throw new SubscribedTaskError(id);
    this.#owner = owner;
    this.#unclaimed.unsubscribe();
    this.#events.opened();
    return {
      start: () => (this.#state === 'held' ? owner.assigned() : owner.ended()),
      membership: () => (this.#state === 'over' ? undefined : this.#member.membership(id)),
      renew: () => this.#member.renew(),
      dispatched: (ms) => this.#member.late.dispatched(ms),
      granted: () => this.#member.granted(id),
      opens: () => this.#events.opens(),
      confirm: (error) => {
        this.#member.tell('fenced', id, { error });
        return this.#member.confirm(id).pipe(
          tap((isHeld) => {
            if (isHeld) this.#member.tell('reopened', id);
          }),
        );
      },
      patience: this.#patience,
      stuck: (step, lasts) => this.#member.tell('stuck', id, { step, lasts }),
      released: () => {
        this.#state = 'over';
        // The subscriber completes first: the group may assign the task to this process again at once.
        owner.ended();
        this.#events.released();
      },
      leave: () => {
        this.#owner = undefined;
        this.expectClaim();
        this.#events.closed();
        // It was to be given away while its subscription was ending.
        if (this.#state === 'releasing') this.#giveAway();
        return EMPTY;
      },
    };
  }

  /** Calls `late` when nobody is subscribed to it for so long, in ms: its partition is not read until somebody is. */
  expectClaim(
    within = this.#patience,
    late = () => this.#member.tell('stuck', this.info.id, { step: 'unclaimed', lasts: within }),
  ): void {
    if (!this.#owner && this.#state === 'held') this.#unclaimed = scheduleAfter(this.#scheduler, within, late);
  }

  /** It is to be given away: what is open is finished within `drainTimeout` ms. */
  release(drainTimeout = this.drainMs, finish: Finish = () => {}): void {
    if (this.#owner) {
      this.#state = 'releasing';
      this.#owner.release(drainTimeout, finish);
      return;
    }
    finish({ completed: [], aborted: [] });
    this.#giveAway();
  }

  /** It is another process's, or nobody's: what is open is aborted. */
  end(): void {
    this.#over();
    this.#owner?.ended();
  }

  #over(): void {
    this.#state = 'over';
    this.#unclaimed.unsubscribe();
  }

  #giveAway(): void {
    this.#over();
    this.#events.released();
  }
}
