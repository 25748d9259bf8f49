import type { SharedBytes } from '../../batch/monitoring/streamSnapshot.js';
import { maxMinShares } from '../../collections/maxMinShares.js';

/** What each stream may hold, in bytes, whatever the others hold. */
export const minStreamBytes = 1024 * 1024;

/** What a stream does when the budget that it shares asks it to. Both are called in a turn of their own. */
export interface BudgetUser {
  /** Discards up to that many bytes that no batch waits for; they are fetched again later. */
  discard(bytes: number): void;
  /** Asks for what it was refused. */
  resume(): void;
}

/** How a budget is kept. */
export interface BudgetSetup {
  /** What each stream may hold whatever the others hold. Default: `minStreamBytes`. */
  readonly minBytes?: number;
  /** Calls its argument in a turn of its own. */
  readonly later: (work: () => void) => void;
}

/** What a stream holds and would hold, in bytes. */
export interface BudgetRequest {
  /** Received and not handed to a batch, or asked for. */
  readonly held: number;
  /** What it would ask for beyond that. */
  readonly wanted: number;
  /** The bound that is the stream's own. */
  readonly max: number;
}

/**
 * One budget of bytes for what several streams read ahead. Each may hold a minimum at any time, so that each goes on, whatever
 * the others do. The rest is shared by max-min fairness: a stream has what the others leave, until they want it too. Then it gets no more
 * than its share, and what it holds beyond that is discarded as far as no batch waits for it: a stream that is stalled keeps its batch, and
 * nothing else, from the others.
 *
 * The sum is within the budget but for the minimum of streams that came when others held all of it, or that are too many for it.
 */
export class SharedBudget {
  readonly #maxBytes: number;
  readonly #minBytes: number;
  readonly #later: BudgetSetup['later'];
  readonly #members = new Set<BudgetMember>();
  #waking = false;

  constructor(maxBytes: number, { minBytes = minStreamBytes, later }: BudgetSetup) {
    this.#maxBytes = maxBytes;
    this.#minBytes = minBytes;
    this.#later = later;
  }

  join(user: BudgetUser): BudgetMember {
    const member: BudgetMember = new BudgetMember(user, this.#minBytes, {
      allowed: () => this.#allowedTo(member),
      changed: () => this.#wake(),
      left: () => this.#members.delete(member),
    });
    this.#members.add(member);
    return member;
  }

  get bytes(): SharedBytes {
    let usedBytes = 0;
    for (const { held } of this.#members) usedBytes += held;
    return { maxBytes: this.#maxBytes, usedBytes, sources: this.#members.size };
  }

  #allowedTo(member: BudgetMember): number {
    let left = this.#maxBytes;
    for (const other of this.#members) if (other !== member) left -= other.kept;
    return Math.max(member.reserved, Math.min(this.#shares().get(member) ?? 0, left));
  }

  #shares(): ReadonlyMap<BudgetMember, number> {
    const members = [...this.#members];
    const demands = members.map(({ held, wanted, max, reserved }) => Math.max(Math.min(held + wanted, max), reserved));
    const shares = maxMinShares(this.#maxBytes, demands);
    return new Map(members.map((member, i) => [member, Math.floor(shares[i] ?? 0)]));
  }

  /** Once a turn: those that hold more than their share discard what the others lack, and those that were refused ask again. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.#later(() => {
      this.#waking = false;
      const waiting = [...this.#members].filter(({ refused }) => refused > 0);
      if (waiting.length === 0) return;
      const shares = this.#shares();
      const shareOf = (member: BudgetMember) => shares.get(member) ?? 0;
      for (const member of this.#members) {
        const excess = member.held - Math.max(shareOf(member), member.reserved);
        const isWanted = waiting.some((other) => other !== member && other.held < shareOf(other));
        if (excess > 0 && isWanted) member.user.discard(excess);
      }
      for (const member of waiting) if (member.refused > 0 && member.held < member.allowed) member.user.resume();
    });
  }
}

interface MemberLinks {
  readonly allowed: () => number;
  /** Bytes are free that were not, or somebody has been refused some. */
  readonly changed: () => void;
  readonly left: () => void;
}

/** One stream that shares a budget. It asks before it fetches, and says afterwards what it has. */
export class BudgetMember {
  readonly user: BudgetUser;
  readonly #minBytes: number;
  readonly #links: MemberLinks;
  #held = 0;
  #wanted = 0;
  #refused = 0;
  #max = Infinity;

  constructor(user: BudgetUser, minBytes: number, links: MemberLinks) {
    this.user = user;
    this.#minBytes = minBytes;
    this.#links = links;
  }

  get held(): number {
    return this.#held;
  }

  /** What it would ask for, as of the last time. */
  get wanted(): number {
    return this.#wanted;
  }

  /** What it did not get of that. */
  get refused(): number {
    return this.#refused;
  }

  get max(): number {
    return this.#max;
  }

  /** What it may hold whatever the others hold. */
  get reserved(): number {
    return Math.min(this.#minBytes, this.#max);
  }

  /** What the others cannot have. */
  get kept(): number {
    return Math.max(this.#held, this.reserved);
  }

  /** What it may hold now. */
  get allowed(): number {
    return Math.min(this.#links.allowed(), this.#max);
  }

  /** Takes note of what the stream holds and would hold. Returns what it may hold. */
  ask({ held, wanted, max }: BudgetRequest): number {
    const before = this.#held + this.#wanted;
    const freed = held < this.#held || held + wanted < before;
    this.#held = held;
    this.#wanted = wanted;
    this.#max = max;
    if (freed) this.#links.changed();
    return this.allowed;
  }

  /** What it holds now, and what it was refused of what it wanted. */
  settle(held: number, refused: number): void {
    const changed = held < this.#held || refused > this.#refused;
    this.#wanted = Math.max(this.#wanted - Math.max(held - this.#held, 0), refused);
    this.#held = held;
    this.#refused = refused;
    if (changed) this.#links.changed();
  }

  /** The stream has ended. */
  leave(): void {
    this.#links.left();
    this.#links.changed();
  }
}
