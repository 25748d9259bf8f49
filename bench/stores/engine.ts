/** A key and a value, as bytes. */
export type Entry = readonly [key: Buffer, value: Buffer];

/** An open store: one ordered map from bytes to bytes, in files of its own. */
export interface Engine {
  /** Reads each key alone, in the order given, as operators do; `undefined` where the store has none. */
  readEach(keys: readonly Buffer[]): Values | Promise<Values>;
  /** Writes all entries as one, durably. */
  commit(entries: readonly Entry[]): void | Promise<void>;
  /** The same, from a list that may be long, and durable only when the store is closed. */
  fill(entries: readonly Entry[]): void | Promise<void>;
  /** Calls `visit` with each entry, in the order of the keys. */
  scan(visit: (key: Buffer, value: Buffer) => void): void | Promise<void>;
  /** Moves what is in a log into the files that the log belongs to. */
  settle(): void | Promise<void>;
  close(): void | Promise<void>;
}

export type Values = readonly (Buffer | undefined)[];

export type OpenEngine = (directory: string) => Promise<Engine>;

/** Files of a store that hold no data: locks, and logs that people read. */
export const notData = /^(LOCK|LOG|LOG\.old\S*|lock\.mdb|data\.sqlite-shm)$/;
