/** A record of a changelog: a key without a value is deleted. */
export interface ChangelogRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** A record with bytes of its own. */
export function recordOf({ key, value }: ChangelogRecord): ChangelogRecord {
  return { key: Buffer.from(key), value: value && Buffer.from(value) };
}

/** A place in a changelog, up to which it was read. */
export interface ChangelogPosition {
  readonly offset: number;
  /** The epoch of the leader that it was read from: a log that was cut before and written again is noticed by it. Absent where that is unknown. */
  readonly epoch?: number | undefined;
}

/** Why a changelog cannot be read on: what was read of it is not in it any more. The cause of the error. */
export class ChangelogCut extends Error {}

/**
 * Called while a changelog is read, with the offset up to which it has been, where it will end, and the epoch of its leader. Reading goes
 * on when it has settled.
 */
export type ReadProgress = (offset: number, until: number, epoch?: number) => Promise<void>;

/** Records of a changelog that cannot be read. */
export interface UnreadRecords {
  /** The first offset. */
  readonly from: number;
  /** The last offset, exclusive. */
  readonly until: number;
  readonly reason: string;
}

/** What a copy is compared with. */
export interface ChangelogState {
  /** Another one once the topic has been created again; `undefined` where brokers have no such id. */
  readonly id: string | undefined;
  /** The first offset that is there. */
  readonly begin: number;
  /** The offset after the last committed record. */
  readonly end: number;
  /** Where the log differs from the position that was asked about, if it does: it was cut there, and written again. */
  readonly cutAt?: number | undefined;
  /** For how long a tombstone is there at least, ms; `undefined` where that may not be read, `unknown` where no broker could be asked now. */
  readonly tombstonesMs: number | 'unknown' | undefined;
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
   * Calls `visit` with the committed records from a position to the end as it is now, in order; their bytes are valid until it returns. Returns
   * the position after them. With
   * `passed` records that cannot be read are passed over, and it is called with their offsets. It fails soon after `signal` is aborted.
   *
   * @throws {CorruptCheckpointError} when a record cannot be read, without `passed`
   * @throws {CheckpointError} with a `ChangelogCut` as its cause when the log does not have what was read up to that position: it was cut,
   * or created again
   */
  read(
    from: ChangelogPosition,
    visit: (record: ChangelogRecord) => void,
    progress?: ReadProgress,
    passed?: (records: UnreadRecords) => void,
    signal?: AbortSignal,
  ): Promise<ChangelogPosition>;
  /** What it is now, and compared with a position. */
  describe(position?: ChangelogPosition): Promise<ChangelogState>;
  /** The end as it is now, and the epoch of the leader; `undefined` where that cannot be said. */
  end?(): Promise<ChangelogPosition | undefined>;
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
