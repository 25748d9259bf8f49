/** A copy of the checkpoint of a task, as the member that has it on its machine says. */
export interface TaskCopy {
  /** The id of the task. */
  readonly task: string;
  /** How many offsets it was behind when that was looked at last; `undefined` for one that is only there, however old. */
  readonly behind: number | undefined;
  /** Whether it has never been whole, so that nobody could use it. Default: it has. */
  readonly isBegun?: true | undefined;
}

/** What a member says that keeps copies of the checkpoints of tasks that others work on. */
export interface StandbyClaims {
  /** Names the machine and the directory of the copies: another process there has the same ones. */
  readonly place: string;
  /** The copies that are there. */
  readonly copies: readonly TaskCopy[];
}

/** A copy that is behind by no more than this is as good as one that is not: about a second of reading. */
const currentRecords = 10_000;

/** Whether a copy lacks so little. */
export function isCurrent(behind: number | undefined): boolean {
  return behind !== undefined && behind <= currentRecords;
}

/**
 * How good copies are, by the id of the task: 2 for one that lacks little, 1 for any other that is whole, and 0 for one that is begun, which is of no use
 * to an owner, and goes on where it is.
 */
export function copyRanks(claims: StandbyClaims): ReadonlyMap<string, number> {
  return new Map(claims.copies.map((copy) => [copy.task, rankOf(copy)]));
}

function rankOf({ behind, isBegun }: TaskCopy): number {
  if (isBegun) return 0;
  return isCurrent(behind) ? 2 : 1;
}
