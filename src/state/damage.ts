import type { Key } from '../batch/key.js';

/** Something in a checkpoint or a log that cannot be read. */
export interface Damage {
  /** The file, or what else it is in, such as a job in a database. */
  readonly place: string;
  /** Where it begins, in bytes of the file or records of the topic. Absent where that is not known. */
  readonly offset?: number;
  /** Where it ends, exclusive. */
  readonly until?: number;
  /** The id of the state. Absent where it is not known, or no state is damaged. */
  readonly state?: string;
  /** The key of the entry. Absent where it is not known. */
  readonly key?: Key;
  /** What is wrong, and what it means. */
  readonly reason: string;
}

/** How a checkpoint is read that may be damaged. */
export interface Salvage {
  /** Called with each damage. */
  readonly damaged: (damage: Damage) => void;
  /**
   * Of a log of changes in which a record is lost: whether to read on behind it. Keys that are not in a later record have an unknown value
   * then, and are damaged too. Otherwise the checkpoint is as of the batch before.
   */
  readonly past: boolean;
}

/** One line for each damage. */
export function damageText({ place, offset, until, state, key, reason }: Damage): string {
  const range = offset === undefined ? '' : until === undefined ? ` at ${offset}` : ` from ${offset} to ${until}`;
  const text = typeof key === 'bigint' ? `${key}n` : JSON.stringify(key);
  const entry = [state !== undefined && `state ${JSON.stringify(state)}`, key !== undefined && `key ${text}`];
  return `${[`${place}${range}`, ...entry.filter(Boolean)].join(', ')}: ${reason}`;
}
