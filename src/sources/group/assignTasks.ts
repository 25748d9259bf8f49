/** A member, as far as it matters for what it is assigned. */
export interface TaskClaims {
  readonly memberId: string;
  readonly instanceId?: string | undefined;
  /** When the member was created. */
  readonly since: number;
  /** The tasks that it holds. */
  readonly held: readonly string[];
  /** The generation in which it was assigned these. */
  readonly generation: number;
}

/**
 * Assigns tasks to the members of a group, so that as few as possible move and the numbers of two members differ by one at most once all
 * have moved. Each member keeps what it holds, up to its share; what nobody holds goes to those with the fewest. What a member holds and does not
 * keep is assigned to nobody until it has released it: it joins again then. Where two claim a task, the one that was assigned
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
  // Those with the most keep one more than the others, where the tasks cannot be divided evenly.
  const least = Math.floor(tasks.length / ordered.length);
  let larger = tasks.length % ordered.length;
  for (const held of [...kept.values()].sort((a, b) => b.length - a.length)) {
    const share = larger > 0 ? least + 1 : least;
    if (held.length > least) larger = Math.max(larger - 1, 0);
    held.splice(share);
  }
  for (const task of tasks) if (!owners.has(task)) shortest(kept).push(task);
  return kept;
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
