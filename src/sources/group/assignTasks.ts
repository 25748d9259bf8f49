import type { StandbyClaims } from './taskCopies.js';

/** A member, as far as it matters for what it is assigned. */
export interface TaskClaims {
  readonly memberId: string;
  readonly instanceId?: string | undefined;
  /** When the member was created. */
  readonly since: number;
  /** Those that it reads, by name. Default: it does not say so. */
  readonly topics?: readonly string[] | undefined;
  /** Patterns of topics that it reads, as text. Default: it does not say so. */
  readonly patterns?: readonly string[] | undefined;
  /** The tasks that it holds. */
  readonly held: readonly string[];
  /** The generation in which it was assigned these. */
  readonly generation: number;
  /** How good its copies of the checkpoints of tasks are, by the id of the task: a higher number is better, and 0 is of no use. Default: it has none. */
  readonly copies?: ReadonlyMap<string, number> | undefined;
  /** What it says of its copies. */
  readonly standby?: StandbyClaims | undefined;
}

/**
 * Assigns tasks to the members of a group, so that as few as possible move and the numbers of two members differ by one at most once all
 * have moved. Each member keeps what it holds, up to its share; what nobody holds goes to those that have a copy of it, up to their share, and
 * else to those with the fewest. What a member holds and does not keep, first of all what a member with fewer has a copy of, is assigned to nobody until it has released it: it joins again then. Where two claim a task, the one that was assigned
 * it later keeps it; with equal generations neither does.
 *
 * Pure, and the same for every order of members and tasks.
 *
 * Source: Kafka's cooperative sticky assignor (KIP-429, KIP-792).
 */
export function assignTasks(
  members: readonly TaskClaims[],
  tasks: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const ordered = [...members].sort(byAge);
  const owners = ownersOf(ordered, new Set(tasks));
  const kept = new Map(ordered.map(({ memberId }) => [memberId, [] as string[]]));
  for (const task of tasks) {
    const owner = owners.get(task);
    if (owner !== undefined) kept.get(owner)?.push(task);
  }
  const least = Math.floor(tasks.length / ordered.length);
  for (const [memberId, held] of kept) leaveLast(held, memberId, ordered, (id) => (kept.get(id)?.length ?? 0) < least);
  // Those with the most keep one more than the others, where the tasks cannot be divided evenly.
  let larger = tasks.length % ordered.length;
  for (const held of [...kept.values()].sort((a, b) => b.length - a.length)) {
    const share = larger > 0 ? least + 1 : least;
    if (held.length > least) larger = Math.max(larger - 1, 0);
    held.splice(share);
  }
  const free = tasks.filter((task) => !owners.has(task));
  const left = preferCopies(free, ordered, kept, tasks.length);
  for (const task of left) shortest(kept).push(task);
  return kept;
}

/** Puts what a member that is due more has a copy of to the end, where it is taken from: it has the least to read. */
function leaveLast(held: string[], of: string, members: readonly TaskClaims[], isDue: (id: string) => boolean): void {
  const due = members.filter(({ memberId, copies }) => copies && memberId !== of && isDue(memberId));
  if (due.length === 0) return;
  const rank = (task: string) => Math.max(...due.map((member) => rankOf(member, task)));
  held.sort((a, b) => rank(a) - rank(b));
}

/** Assigns tasks to members that have copies of them and are not full. Returns the others, in their order. */
function preferCopies(
  tasks: readonly string[],
  members: readonly TaskClaims[],
  assigned: ReadonlyMap<string, string[]>,
  count: number,
): readonly string[] {
  const least = Math.floor(count / members.length);
  const sizeOf = ({ memberId }: TaskClaims) => assigned.get(memberId)?.length ?? 0;
  const isFull = (member: TaskClaims) => {
    const larger = members.filter((one) => sizeOf(one) > least).length;
    return sizeOf(member) >= (larger < count % members.length ? least + 1 : least);
  };
  const having = (task: string) => members.filter((member) => rankOf(member, task) > 0);
  const given = new Set<string>();
  // First those of which the fewest members have a copy.
  for (const task of [...tasks].sort((a, b) => having(a).length - having(b).length)) {
    const [best] = having(task)
      .filter((member) => !isFull(member))
      .sort((a, b) => rankOf(b, task) - rankOf(a, task) || sizeOf(a) - sizeOf(b));
    if (!best) continue;
    assigned.get(best.memberId)?.push(task);
    given.add(task);
  }
  return tasks.filter((task) => !given.has(task));
}

function rankOf({ copies }: TaskClaims, task: string): number {
  return copies?.get(task) ?? 0;
}

/** Who holds each task; `undefined` where two claim it with equal right. A task that nobody claims is absent. */
function ownersOf(members: readonly TaskClaims[], tasks: ReadonlySet<string>): Map<string, string | undefined> {
  const found = new Map<string, { readonly owner: string | undefined; readonly generation: number }>();
  for (const { memberId, held, generation } of members) {
    for (const task of new Set(held)) {
      if (!tasks.has(task)) continue;
      const other = found.get(task);
      if (other && other.generation > generation) continue;
      const owner = other?.generation === generation ? undefined : memberId;
      found.set(task, { owner, generation });
    }
  }
  return new Map([...found].map(([task, { owner }]) => [task, owner]));
}

function shortest(assigned: ReadonlyMap<string, string[]>): string[] {
  let found: string[] | undefined;
  for (const tasks of assigned.values()) if (!found || tasks.length < found.length) found = tasks;
  return found as string[];
}

/** Static members first, in the order of their ids; then the others, the oldest first. */
function byAge(a: TaskClaims, b: TaskClaims): number {
  const byText = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  if ((a.instanceId === undefined) !== (b.instanceId === undefined)) return a.instanceId === undefined ? 1 : -1;
  return byText(a.instanceId ?? '', b.instanceId ?? '') || a.since - b.since || byText(a.memberId, b.memberId);
}
