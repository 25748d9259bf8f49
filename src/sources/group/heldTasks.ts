import { Subscription } from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import type { GroupTask } from './groupTask.js';
import type { GroupMemberOptions } from './memberOptions.js';

interface HeldTask {
  readonly task: GroupTask;
  /** Whether it is assigned to this member in the present generation. */
  assigned: boolean;
  /** Whether its owner is draining it, and whether it has done so. */
  releasing: boolean;
  released: boolean;
}

/** What an assignment changes. */
interface Changes {
  readonly added: readonly GroupTask[];
  /** Held, and to be given away. */
  readonly revoked: readonly GroupTask[];
  /** Whether something was claimed that nobody has: it was drained or lost meanwhile. */
  readonly letGo: boolean;
}

/** Calls `overdue` for a task that has not been given away after so long. */
type Overdue = (task: GroupTask, lasts: number) => void;

/** The tasks that a member holds: from when the group assigns them to it until they are given away and it has joined without them, or lost. */
export class HeldTasks {
  readonly #options: Pick<GroupMemberOptions, 'drainMs' | 'sessionTimeout' | 'scheduler'>;
  readonly #overdue: Overdue;
  readonly #held = new Map<string, HeldTask>();
  /** What the last join claimed to hold: the leader assigns it to no other member. */
  #claimed: readonly string[] = [];
  /** Called when it is known whether a task is held: the group has answered, or all is lost. */
  #asking: { readonly id: string; readonly answer: (held: boolean) => void }[] = [];
  /** How long tasks may take to be given away. */
  #limits = new Subscription();

  constructor(options: Pick<GroupMemberOptions, 'drainMs' | 'sessionTimeout' | 'scheduler'>, overdue: Overdue) {
    this.#options = options;
    this.#overdue = overdue;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Whether it may be worked on. */
  isOwned(id: string): boolean {
    return this.#held.get(id)?.released === false;
  }

  /** Whether a task is being drained. */
  get isReleasing(): boolean {
    return [...this.#held.values()].some(({ releasing, released }) => releasing && !released);
  }

  /** Whether a task is drained, and the group does not know yet. */
  get hasReleased(): boolean {
    return [...this.#held.values()].some(({ released }) => released);
  }

  /** What a join says that this member holds: what is drained no more. */
  claim(): readonly TopicPartition[] {
    for (const [id, { released }] of this.#held) if (released) this.#held.delete(id);
    this.#claimed = [...this.#held.keys()];
    return [...this.#held.values()].flatMap(({ task }) => task.partitions);
  }

  /** The group has assigned these tasks to this member, and no others. */
  assign(tasks: readonly GroupTask[]): Changes {
    const assigned = new Map(tasks.map((task) => [task.id, task]));
    const letGo = this.#claimed.some((id) => !assigned.has(id) && !this.isOwned(id));
    const revoked: GroupTask[] = [];
    for (const [id, held] of this.#held) {
      held.assigned = assigned.has(id);
      if (held.released && held.assigned) this.#held.delete(id);
      else if (!held.released && !held.assigned && !held.releasing) {
        this.#startReleasing(held);
        revoked.push(held.task);
      }
    }
    const added = tasks.filter(({ id }) => !this.#held.has(id));
    for (const task of added) this.add(task);
    return { added, revoked, letGo };
  }

  add(task: GroupTask): void {
    this.#held.set(task.id, { task, assigned: true, releasing: false, released: false });
  }

  /** A task is drained. Returns it, unless it was not to be. */
  released(id: string): Pick<HeldTask, 'task' | 'assigned'> | undefined {
    const held = this.#held.get(id);
    if (!held?.releasing || held.released) return undefined;
    held.released = true;
    return held;
  }

  /** Nothing is held any more. Returns what was to be worked on. */
  clear(): readonly GroupTask[] {
    const lost = [...this.#held.values()].filter(({ released }) => !released);
    this.#held.clear();
    this.#limits.unsubscribe();
    this.#limits = new Subscription();
    this.answer();
    return lost.map(({ task }) => task);
  }

  /** Calls `answer` when the group has said whether this member holds the task. Returns how to withdraw the question. */
  ask(id: string, answer: (held: boolean) => void): () => void {
    const asked = { id, answer };
    this.#asking.push(asked);
    return () => {
      this.#asking = this.#asking.filter((one) => one !== asked);
    };
  }

  /** The group has answered. */
  answer(): void {
    for (const { id, answer } of this.#asking.splice(0)) answer(this.#held.get(id)?.assigned === true);
  }

  /**
   * The drain has its limit, and so has what follows it. Should something else keep the task, the group does without this member after
   * one session more, as it does without one that is killed.
   */
  #startReleasing(held: HeldTask): void {
    held.releasing = true;
    const { drainMs, sessionTimeout, scheduler } = this.#options;
    const lasts = drainMs + 2 * sessionTimeout;
    const limit = scheduleAfter(scheduler, lasts, () => {
      this.#limits.remove(limit);
      if (!held.released && this.#held.get(held.task.id) === held) this.#overdue(held.task, lasts);
    });
    this.#limits.add(limit);
  }
}
