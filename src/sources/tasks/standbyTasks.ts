import {
  catchError,
  defer,
  EMPTY,
  forkJoin,
  last,
  map,
  mergeMap,
  type Observable,
  of,
  type SchedulerLike,
  Subscription,
} from 'rxjs';
import { backOff, scheduleAfter } from '../../backpressure/longDelay.js';
import { InvalidOptionError } from '../../batch/errors.js';
import type { TaskInfo } from '../../batch/taskInfo.js';
import type { Checkpoint, CheckpointCopies, CopyLook } from '../../state/checkpoint.js';
import type { GroupTask } from '../group/groupTask.js';
import type { EventFacts, MemberCopies, OfTask } from '../group/memberEvents.js';
import { missingStandbys, placedStandbys } from '../group/placeStandbys.js';
import { copyRanks, isCurrent, type StandbyClaims, type TaskCopy } from '../group/taskCopies.js';

/** What the copies of a process need of it. */
export interface StandbyTasksOwner {
  checkpointOf(task: TaskInfo): Checkpoint | undefined;
  /** Whether the task is this process's, or something of it is still open here. */
  isBusy(id: string): boolean;
  /** Whether the checkpoint of the task is open here, or being opened, also where it is another process's now. */
  isOpen(id: string): boolean;
  /** A copy that was followed is not open any more, or is not waited for any longer. */
  closed(id: string): void;
  happened(type: OfTask, ids: string | readonly string[], more?: EventFacts): void;
}

/** How often it is said how far a copy is behind, in ms, unless that becomes little or much. */
const sayEveryMs = 10_000;
/** Nobody knows how far a copy is behind when no look has ended for this long, in ms. */
const staleAfterMs = 30_000;
/** How often it is looked which of the other copies are still there and young enough, in ms. */
const lookEveryMs = 60_000;
/** For how long a copy that is left is waited for, in ms. One that ends later is fenced by the one that opens it meanwhile. */
const leaveTimeoutMs = 1_000;
/** One that cannot be kept, or that another process has taken, is tried again after a pause, which doubles. In ms. */
const again = { delay: 10_000, maxDelay: 600_000 } as const;

/** A copy that is kept up to date. */
interface Followed {
  readonly abort: AbortController;
  /** It has looked. */
  isOpen: boolean;
  /** `undefined` until it has looked, and after a failure. */
  behind: number | undefined;
  saidAt: number;
  /** Since the last look that ended, until it is too old. */
  stale: Subscription;
  /** Since it was left: until it is not waited for any longer. */
  leaving: Subscription | undefined;
}

/** The copies that a process keeps of the checkpoints of tasks, which others work on: they are followed, and left when a task comes here. */
export class StandbyTasks implements MemberCopies {
  readonly #options: { readonly owner: string; readonly standbys: number };
  readonly #owner: StandbyTasksOwner;
  readonly #scheduler: SchedulerLike;
  #place: string | undefined;
  /** Tasks of which this process has heard. */
  readonly #known = new Map<string, TaskInfo>();
  /** Tasks of which there was a whole copy, when that was looked for last. */
  readonly #there = new Set<string>();
  readonly #followed = new Map<string, Followed>();
  /** Those that were left and are not waited for any longer: none is followed again before it has ended. */
  readonly #late = new Set<string>();
  /** How often each ended by itself in a row. */
  readonly #failures = new Map<string, number>();
  readonly #pauses = new Subscription();
  #nextLook: Subscription | undefined;
  #wanted: ReadonlyMap<string, TaskInfo> = new Map();
  #ended = false;
  /** Of the last assignment of this process, as the leader: at first there were none to be missed. */
  #missing = JSON.stringify([[], 0]);

  constructor(
    options: { readonly owner: string; readonly standbys: number },
    owner: StandbyTasksOwner,
    scheduler: SchedulerLike,
  ) {
    this.#options = options;
    this.#owner = owner;
    this.#scheduler = scheduler;
  }

  look(tasks: Observable<readonly GroupTask[]>): Observable<unknown> {
    return tasks.pipe(mergeMap((all) => this.#look(all.map((task) => infoOf(task, all.length)))));
  }

  #look(tasks: readonly TaskInfo[]): Observable<unknown> {
    const looks = tasks.map((task) => {
      this.#known.set(task.id, task);
      const copies = this.#copiesOf(task);
      return defer(() => copies.exists()).pipe(
        last(),
        catchError(() => of(false)),
        map((isThere) => {
          // Who follows it knows better.
          if (!this.#followed.get(task.id)?.isOpen) this.#isThere(task.id, isThere);
        }),
      );
    });
    return looks.length === 0 ? EMPTY : forkJoin(looks);
  }

  #isThere(id: string, isThere: boolean): void {
    if (isThere) this.#there.add(id);
    else this.#there.delete(id);
  }

  /** Copies become too old and are deleted while nobody follows them, and owners make new ones. */
  #lookLater(): void {
    if (this.#ended || this.#nextLook) return;
    this.#nextLook = scheduleAfter(this.#scheduler, lookEveryMs, () => {
      const isDue = ({ id }: TaskInfo) => !this.#followed.has(id) && (this.#there.has(id) || this.#owner.isBusy(id));
      const looked = (): void => {
        this.#nextLook = undefined;
        this.#lookLater();
      };
      const due = [...this.#known.values()].filter(isDue);
      defer(() => this.#look(due)).subscribe({ error: looked, complete: looked });
    });
  }

  claims(): StandbyClaims | undefined {
    this.#place ??= this.#placeOf(firstTask);
    if (this.#place === undefined) return undefined;
    const copies = [...new Set([...this.#there, ...this.#followed.keys()])].map((task): TaskCopy => {
      return { task, behind: this.#behind(task), ...(!this.#there.has(task) && { isBegun: true }) };
    });
    return { place: this.#place, copies };
  }

  /** Of a task that may not be there yet: all copies of a process are in one place. What the subscriber throws is thrown later. */
  #placeOf(task: TaskInfo): string | undefined {
    try {
      return this.#owner.checkpointOf(task)?.copies?.place;
    } catch {
      return undefined;
    }
  }

  ranks(claims: StandbyClaims): ReadonlyMap<string, number> {
    return copyRanks(claims);
  }

  place(...[assigned, members, tasks]: Parameters<MemberCopies['place']>): ReturnType<MemberCopies['place']> {
    const placed = placedStandbys(assigned, members, tasks, this.#options.standbys);
    this.#tellMissing(missingStandbys(placed, tasks, this.#options.standbys));
    return placed;
  }

  #tellMissing(missing: ReadonlyMap<string, number>): void {
    const ids = [...missing.keys()];
    const count = [...missing.values()].reduce((sum, one) => sum + one, 0);
    const now = JSON.stringify([ids, count]);
    if (now === this.#missing) return;
    this.#missing = now;
    this.#owner.happened('standby-missing', ids, { missing: count });
  }

  keep(tasks: readonly GroupTask[], tasksInAll: number): void {
    this.#wanted = new Map(tasks.map((task) => [task.id, infoOf(task, tasksInAll)]));
    for (const [id, task] of this.#wanted) this.#known.set(id, task);
    this.#lookLater();
    for (const id of this.#followed.keys()) if (!this.#wanted.has(id)) this.#leave(id);
    for (const id of this.#wanted.keys()) this.#follow(id);
  }

  /** The task comes to this process: its copy is left, so that it can be opened. */
  taken(id: string): void {
    this.#leave(id);
  }

  /** Nothing of the task is open here any more. */
  freed(task: TaskInfo): void {
    if (this.#ended) return;
    defer(() => this.#look([task])).subscribe({ error: () => {} });
    this.#follow(task.id);
  }

  isOpen(id: string): boolean {
    return this.#followed.has(id);
  }

  get size(): number {
    return this.#followed.size;
  }

  close(): void {
    this.#ended = true;
    this.#pauses.unsubscribe();
    this.#nextLook?.unsubscribe();
    for (const id of this.#followed.keys()) this.#leave(id);
  }

  #behind(id: string): number | undefined {
    // The owner writes into its copy what it saves.
    return this.#followed.get(id)?.behind ?? (this.#owner.isBusy(id) ? 0 : undefined);
  }

  /** @throws {InvalidOptionError} when the checkpoint keeps no copies */
  #copiesOf(task: TaskInfo): CheckpointCopies {
    const copies = this.#owner.checkpointOf(task)?.copies;
    if (!copies) {
      const { owner, standbys } = this.#options;
      const rule = 'needs a checkpoint that keeps copies: kafkaCheckpoint with the option copy';
      throw new InvalidOptionError(owner, 'standbys', standbys, rule);
    }
    this.#place ??= copies.place;
    return copies;
  }

  #follow(id: string): void {
    const task = this.#wanted.get(id);
    const isOpen = this.#followed.has(id) || this.#late.has(id);
    if (!task || this.#ended || isOpen || this.#owner.isBusy(id) || this.#owner.isOpen(id)) return;
    const abort = new AbortController();
    const followed: Followed = {
      ...{ abort, isOpen: false, leaving: undefined },
      ...{ behind: undefined, saidAt: -Infinity, stale: Subscription.EMPTY },
    };
    this.#followed.set(id, followed);
    const begunAt = this.#scheduler.now();
    const ended = (error?: unknown): void => {
      followed.leaving?.unsubscribe();
      if (!this.#late.delete(id)) this.#closed(id, error);
      // It may be wanted again, since it was left.
      if (abort.signal.aborted) this.#follow(id);
      else {
        this.#there.delete(id);
        this.#followLater(id, this.#scheduler.now() - begunAt);
      }
    };
    defer(() => this.#copiesOf(task).follow(abort.signal)).subscribe({
      next: (look) => this.#looked(id, followed, look),
      error: ended,
      complete: () => ended(),
    });
  }

  /** It ended by itself after `lasted` ms. */
  #followLater(id: string, lasted: number): void {
    const failures = lasted > again.maxDelay ? 0 : (this.#failures.get(id) ?? 0);
    this.#failures.set(id, failures + 1);
    if (this.#ended) return;
    const pause = scheduleAfter(this.#scheduler, backOff(again, failures), () => {
      this.#pauses.remove(pause);
      this.#follow(id);
    });
    this.#pauses.add(pause);
  }

  #closed(id: string, error?: unknown): void {
    const followed = this.#followed.get(id);
    const isKnown = followed?.isOpen === true;
    followed?.stale.unsubscribe();
    this.#followed.delete(id);
    const facts = error === undefined ? {} : { error };
    if (isKnown || error !== undefined) this.#owner.happened('standby-ended', id, facts);
    this.#owner.closed(id);
  }

  #looked(id: string, followed: Followed, look: CopyLook | undefined): void {
    if (this.#followed.get(id) !== followed) return;
    const behind = look?.behind;
    if (look) this.#isThere(id, look.isWhole);
    const now = this.#scheduler.now();
    const isNews = isCurrent(behind) !== isCurrent(followed.behind);
    followed.behind = behind;
    if (behind === undefined) return;
    followed.stale.unsubscribe();
    followed.stale = scheduleAfter(this.#scheduler, staleAfterMs, () => this.#stale(id, followed));
    if (!followed.isOpen) this.#owner.happened('standby', id);
    followed.isOpen = true;
    if (!isNews && now - followed.saidAt < sayEveryMs) return;
    followed.saidAt = now;
    this.#owner.happened('standby-behind', id, { behind });
  }

  #stale(id: string, followed: Followed): void {
    followed.behind = undefined;
    // The next look is news.
    followed.saidAt = -Infinity;
    this.#owner.happened('standby-stale', id);
  }

  #leave(id: string): void {
    const followed = this.#followed.get(id);
    if (!followed || followed.abort.signal.aborted) return;
    followed.leaving = scheduleAfter(this.#scheduler, leaveTimeoutMs, () => {
      this.#late.add(id);
      this.#closed(id);
    });
    // It may end at once.
    followed.abort.abort();
  }
}

/** The first of any layout. */
const firstTask: TaskInfo = { id: '0', partition: 0, of: 1, partitions: [] };

function infoOf({ id, partitions }: GroupTask, of: number): TaskInfo {
  return { id, partition: Number(id), of, partitions };
}
