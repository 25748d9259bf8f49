/** What happens to a member of a group, as `groupObserver` receives it. */
export interface GroupEvent {
  /**
   * `joined`: the group has a new generation, or the member came back to it; `assigned`: tasks are this member's now; `releasing`: tasks are
   * given away when their open batches are finished; `released`: they are; `lost`: the group has removed the member, or it has had no
   * answer for a whole session, so that other members may have its tasks; `fenced`: a write was refused because another process has
   * taken the task over; `reopened`: the group says that the task is still this member's, so it is opened again; `slow-heartbeat`: a
   * heartbeat was late by more than a tenth of the session because the event loop was blocked, and `reason` says by what; `failing`: requests to the
   * group, or looks for new partitions, have failed for a third of a session and are tried again, told once a minute; `recovered`: they
   * do no more; `stuck`: a task takes longer than a session for a step, or nobody has been subscribed to it for that long (`unclaimed`).
   * What does not end of its closing or release is left behind then, so that another member can go on with the task; `standby`: this
   * member keeps copies of the checkpoints of these tasks of others from now on; `standby-behind`: how many offsets such a copy was behind;
   * `standby-stale`: nobody knows that any more, since no look at the log has ended for half a minute; the next `standby-behind` says that one has;
   * `standby-ended`: these copies are not kept up to date any more; `standby-missing`, of the member that leads: these tasks have fewer copies than
   * `standbys` asks for, since there are not as many processes on machines of their own; without tasks when all have as many again.
   */
  readonly type:
    | 'joined'
    | 'assigned'
    | 'releasing'
    | 'released'
    | 'lost'
    | 'fenced'
    | 'reopened'
    | 'slow-heartbeat'
    | 'failing'
    | 'recovered'
    | 'stuck'
    | 'standby'
    | 'standby-behind'
    | 'standby-stale'
    | 'standby-ended'
    | 'standby-missing';
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** The group. */
  readonly groupId: string;
  /** The id of the member; `''` before the group has chosen one. */
  readonly memberId: string;
  /** The generation of the group; -1 before the first. */
  readonly generation: number;
  /** The ids of the tasks concerned. */
  readonly tasks: readonly string[];
  /** How late the heartbeat was, in ms, of `slow-heartbeat`, and of `lost` when no heartbeat has been answered since. */
  readonly late?: number;
  /** For how many of these ms the functions of batches have kept the event loop, as the `dispatchDelay` of a batch says it. */
  readonly dispatchDelay?: number;
  /** The same in words: whether the batches take too long, or something else in the process or the machine does. */
  readonly reason?: string;
  /** What does not end, of `stuck`. */
  readonly step?: 'opening' | 'closing' | 'releasing' | 'unclaimed';
  /** For how long it has lasted, in ms, of `stuck`, `failing` and `recovered`. */
  readonly lasts?: number;
  /** How many requests have failed in a row, of `failing` and `recovered`. */
  readonly attempts?: number;
  /** How many offsets of its changelog the copy had not read when it looked, of `standby-behind`: compacted records count too. */
  readonly behind?: number;
  /** How many copies are missing in all, of `standby-missing`. */
  readonly missing?: number;
  /** Why tasks are lost, what was refused, or what requests to the group failed with. */
  readonly error?: unknown;
}
