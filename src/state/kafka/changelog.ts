/** A record of a changelog: a key without a value is deleted. */
export interface ChangelogRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/**
 * One partition of a compacted topic, to which one owner at a time appends. `M` is what else a client can write in the same transaction.
 */
export interface Changelog<M = never> {
  /** Names it in messages. */
  readonly location: string;
  /**
   * Calls `visit` with the committed records from an offset to the end as it is now, in order. Returns the offset after them.
   *
   * @throws {CheckpointError} when the log ends before that offset: it was cut, or created again
   */
  read(from: number, visit: (record: ChangelogRecord) => void): Promise<number>;
  /** Takes the right to append: what its former owner has under way is aborted, and that one appends nothing more. */
  take(): Promise<void>;
  /**
   * Appends records, and writes what goes with them, in one transaction, one call at a time.
   *
   * @throws {FencedError} when another has taken it: nothing was written then
   */
  append(records: readonly ChangelogRecord[], others: readonly M[]): Promise<void>;
  /** Nothing is called afterwards. Never fails. */
  close(): Promise<void>;
}
