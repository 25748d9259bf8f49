import type { TaskClaims } from './assignTasks.js';
import { copyRanks, type StandbyClaims } from './taskCopies.js';

/** A member that keeps copies. */
export interface StandbyMember {
  readonly memberId: string;
  readonly standby: StandbyClaims;
}

/** What is known of a member while copies are placed. */
interface Keeper {
  readonly memberId: string;
  readonly place: string;
  readonly ranks: ReadonlyMap<string, number>;
  readonly kept: Set<string>;
}

/**
 * Places the copies of the checkpoints of tasks: for each task, as many members as `standbys` says keep one, or as many as there are. None is where the
 * owner of the task is, nor two in one place. Members keep as many as others, up to one. A copy stays where it is as far as that allows; a new one
 * goes to a member that has an old one, else to the one that keeps the fewest of the tasks of that owner, so that what a process leaves
 * behind is shared by all others.
 *
 * Pure, and the same for every order of members.
 *
 * @param owners where a task is, or is to be, by its id; a task that nobody has is absent
 * @param tasks the ids, in their order
 *
 * Source: standby replicas of Kafka Streams (`num.standby.replicas`), and their balance and stickiness (KIP-441).
 */
export function placeStandbys(
  owners: ReadonlyMap<string, string>,
  members: readonly StandbyMember[],
  tasks: readonly string[],
  standbys: number,
): ReadonlyMap<string, readonly string[]> {
  const placement = new Placement(owners, members, tasks, standbys);
  for (const rank of [2, 1, 0]) placement.keep(rank);
  placement.fill();
  placement.even();
  return placement.result;
}

/**
 * The same, by what members say when they join, and what the leader assigns them. The owner of a task that moves is the one that still
 * holds it; where it goes is not known yet.
 */
export function placedStandbys(
  assigned: ReadonlyMap<string, readonly string[]>,
  members: readonly TaskClaims[],
  tasks: readonly string[],
  standbys: number,
): ReadonlyMap<string, readonly string[]> {
  const keepers = members.flatMap(({ memberId, standby }) => (standby ? [{ memberId, standby }] : []));
  const owners = new Map(members.flatMap(({ memberId, held }) => held.map((task) => [task, memberId] as const)));
  for (const [memberId, mine] of assigned) for (const task of mine) owners.set(task, memberId);
  return placeStandbys(owners, keepers, tasks, standbys);
}

/** How many copies are missing of each task that has fewer than `standbys` says, by its id. */
export function missingStandbys(
  placed: ReadonlyMap<string, readonly string[]>,
  tasks: readonly string[],
  standbys: number,
): ReadonlyMap<string, number> {
  const missing = new Map(tasks.map((task) => [task, standbys]));
  for (const task of [...placed.values()].flat()) missing.set(task, (missing.get(task) ?? 0) - 1);
  return new Map([...missing].filter(([, count]) => count > 0));
}

class Placement {
  readonly #owners: ReadonlyMap<string, string>;
  readonly #keepers: readonly Keeper[];
  readonly #placeOf: ReadonlyMap<string, string>;
  readonly #tasks: readonly string[];
  readonly #standbys: number;
  /** The most that a member keeps. */
  readonly #share: number;

  constructor(
    owners: ReadonlyMap<string, string>,
    members: readonly StandbyMember[],
    tasks: readonly string[],
    standbys: number,
  ) {
    this.#owners = owners;
    this.#tasks = tasks;
    this.#standbys = standbys;
    this.#keepers = [...members]
      .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
      .map(({ memberId, standby }) => {
        return { memberId, place: standby.place, ranks: copyRanks(standby), kept: new Set<string>() };
      });
    this.#placeOf = new Map(this.#keepers.map(({ memberId, place }) => [memberId, place]));
    const places = new Set(this.#placeOf.values());
    const wanted = (task: string) => {
      const place = this.#placeOf.get(owners.get(task) ?? '');
      return Math.min(standbys, places.size - (place === undefined ? 0 : 1));
    };
    const copies = tasks.reduce((sum, task) => sum + wanted(task), 0);
    this.#share = this.#keepers.length === 0 ? 0 : Math.ceil(copies / this.#keepers.length);
  }

  get result(): ReadonlyMap<string, readonly string[]> {
    return new Map(this.#keepers.map(({ memberId, kept }) => [memberId, this.#tasks.filter((task) => kept.has(task))]));
  }

  /** Leaves copies of this rank where they are. */
  keep(rank: number): void {
    for (const task of this.#tasks) {
      const having = this.#keepers.filter(({ ranks }) => ranks.get(task) === rank);
      this.#place(
        task,
        having.sort((a, b) => a.kept.size - b.kept.size),
      );
    }
  }

  /** Places what is missing. */
  fill(): void {
    for (const task of this.#tasks) {
      const owner = this.#owners.get(task);
      const ofOwner = ({ kept }: Keeper) => [...kept].filter((other) => this.#owners.get(other) === owner).length;
      const loads = new Map(this.#keepers.map((keeper) => [keeper, ofOwner(keeper)]));
      const load = (keeper: Keeper) => loads.get(keeper) ?? 0;
      this.#place(
        task,
        [...this.#keepers].sort((a, b) => load(a) - load(b) || a.kept.size - b.kept.size),
      );
    }
    // Where the share keeps a task from its only possible member.
    for (const task of this.#tasks) {
      this.#place(
        task,
        [...this.#keepers].sort((a, b) => a.kept.size - b.kept.size),
        Infinity,
      );
    }
  }

  /** Moves single copies until no member has two more than another one that could have it. */
  even(): void {
    for (;;) {
      const move = this.#unevenMove();
      if (!move) return;
      move.from.kept.delete(move.task);
      move.to.kept.add(move.task);
    }
  }

  #unevenMove(): { readonly task: string; readonly from: Keeper; readonly to: Keeper } | undefined {
    const bySize = [...this.#keepers].sort((a, b) => a.kept.size - b.kept.size);
    for (const from of [...bySize].reverse()) {
      for (const to of bySize) {
        if (from.kept.size - to.kept.size < 2) break;
        const task = [...from.kept]
          .sort((a, b) => (from.ranks.get(a) ?? 0) - (from.ranks.get(b) ?? 0))
          .find((one) => this.#isFree(one, to, from));
        if (task !== undefined) return { task, from, to };
      }
    }
    return undefined;
  }

  /** To the first of these that may have one, until there are enough. */
  #place(task: string, keepers: readonly Keeper[], share = this.#share): void {
    let missing = this.#standbys - this.#keepers.filter(({ kept }) => kept.has(task)).length;
    for (const keeper of keepers) {
      if (missing <= 0) return;
      if (keeper.kept.size >= share || !this.#isFree(task, keeper)) continue;
      keeper.kept.add(task);
      missing--;
    }
  }

  /** Whether neither the owner is there nor a copy, but for that of `from`. */
  #isFree(task: string, { memberId, place }: Keeper, from?: Keeper): boolean {
    const owner = this.#owners.get(task);
    if (owner === memberId || (owner !== undefined && this.#placeOf.get(owner) === place)) return false;
    return !this.#keepers.some((other) => other !== from && other.place === place && other.kept.has(task));
  }
}
