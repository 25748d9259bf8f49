/** A record of a changelog: a key without a value is deleted. */
export interface ChangelogRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** What a copy is compared with. */
export interface ChangelogState {
  /** Another one once the topic has been created again; `undefined` where brokers have no such id. */
  readonly id: string | undefined;
  /** The first offset that is there. */
  readonly begin: number;
  /** The offset after the last committed record. */
  readonly end: number;
  /** For how long a tombstone is there at least, ms; `undefined` where that cannot be read. */
  readonly tombstonesMs: number | undefined;
}

/**
 * One partition of a compacted topic, to which one owner at a time appends. `M` is what else a client can write in the same transaction.
 */
export interface Changelog<M = never> {
  /** Names it in messages. */
  readonly location: string;
  /** The command line that does something to it, for messages. Default: none is named. */
  command?(action: string): string;
  /**
   * Calls `visit` with the committed records from an offset to the end as it is now, in order. Returns the offset after them.
   *
   * @throws {CheckpointError} when the log ends before that offset: it was cut, or created again
   */
  read(from: number, visit: (record: ChangelogRecord) => void): Promise<number>;
  describe(): Promise<ChangelogState>;
  /** Takes the right to append: what its former owner has under way is aborted, and that one appends nothing more. */
  take(): Promise<void>;
  /**
   * Appends records, and writes what goes with them, in one transaction, one call at a time. Returns the offset after the records, where
   * it is known.
   *
   * @throws {FencedError} when another has taken it: nothing was written then
   */
  append(records: readonly ChangelogRecord[], others: readonly M[]): Promise<number | undefined>;
  /** Nothing is called afterwards. Never fails. */
  close(): Promise<void>;
}
