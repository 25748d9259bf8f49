import type { Directory } from '../../storage/directory.js';
import type { PassedRange } from '../../storage/salvageRecords.js';
import { numbersOf } from '../../storage/segmentFiles.js';
import type { RestoredCheckpoint } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { type ChangelogBegin, changelogFormat, recordFromBytes } from './checkpointRecord.js';
import { SalvagedState } from './salvagedState.js';
import { salvageSnapshot } from './salvageSnapshot.js';

/** A changelog that counts. */
interface SalvagedLog {
  readonly number: number;
  readonly begin: ChangelogBegin | undefined;
  /** Where it ended; `undefined` where no later one says so. */
  readonly end: number | undefined;
  /** Whether nothing says that this one follows. */
  readonly unlisted: boolean;
}

/**
 * Reads what is left of a checkpoint directory, and writes nothing.
 *
 * Entries that a damaged snapshot lacks are just missing. A record that a changelog lacks may have changed any key: the checkpoint is as of
 * the batch before it, with nothing newer. That cannot be where a snapshot was being written when the record was: its entries are of
 * different batches until the changelog has passed its end. There, and with `past`, what comes behind the gap counts, and a key
 * that is not set there is left out. Where its end is lost, and no later changelog was begun, they are left out unless a changelog sets them.
 *
 * @throws {CorruptCheckpointError} when the files need another `integrityKey`, or none
 */
export async function salvageFiles(directory: Directory, salvage: Salvage): Promise<RestoredCheckpoint | undefined> {
  const names = await directory.names();
  const state = new SalvagedState();
  const snapshot = numbersOf(names, 'snapshot').at(-1) ?? 0;
  const read = snapshot > 0 ? await salvageSnapshot(directory, snapshot, state, salvage.damaged) : undefined;
  const reader = new ChangelogReader(directory, salvage, state, { ...read, snapshot });
  await reader.read(await logsOf(directory, names, snapshot));
  return state.restored(directory.location, salvage.damaged);
}

/** The changelogs from a number on: those that the last whole beginning lists, and what may come after them. */
async function logsOf(
  directory: Directory,
  names: readonly string[],
  snapshot: number,
): Promise<readonly SalvagedLog[]> {
  const found: { readonly number: number; readonly begin: ChangelogBegin | undefined; readonly isUsed: boolean }[] = [];
  for (const number of numbersOf(names, 'changelog').filter((one) => one >= snapshot)) {
    found.push({ number, ...(await beginOf(directory, number)) });
  }
  const begins = new Map(found.map(({ number, begin }) => [number, begin]));
  const last = found.filter(({ begin }) => begin).at(-1);
  const before = (last?.begin?.before ?? []).filter(({ number }) => number >= snapshot);
  const listed = before.map(({ number, end }) => ({ number, end, begin: begins.get(number), unlisted: false }));
  const logs: SalvagedLog[] = last ? [...listed, { ...last, end: undefined, unlisted: false }] : [];
  for (const { number, begin, isUsed } of found) {
    // A process that died before it had begun one has written nothing else into it.
    if (number <= (last?.number ?? -1) || !isUsed) continue;
    logs.push({ number, begin, end: undefined, unlisted: number !== snapshot && logs.length > 0 });
  }
  if (snapshot > 0 && logs[0]?.number !== snapshot) {
    return [{ number: snapshot, begin: undefined, end: undefined, unlisted: false }, ...logs];
  }
  return logs;
}

async function beginOf(directory: Directory, number: number) {
  let begin: ChangelogBegin | undefined;
  let isUsed = false;
  await directory.salvageRecords(
    `changelog-${number}`,
    { torn: true },
    {
      record: (payload, sequence) => {
        isUsed = true;
        if (sequence === 0) begin = attempt(() => changelogFormat.decode(payload));
      },
      passed: () => {
        isUsed = true;
      },
    },
  );
  return { begin, isUsed };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

interface Base {
  /** 0 for none. */
  readonly snapshot: number;
  /** Whether entries came from it. */
  readonly hasEntries?: boolean;
  /** Whether its last record is there, of whatever version. */
  readonly hasEnd?: boolean;
  /** The newest batch that entries of the snapshot may be of; `undefined` where that is not known. */
  readonly until?: number | undefined;
}

class ChangelogReader {
  readonly #directory: Directory;
  readonly #salvage: Salvage;
  readonly #state: SalvagedState;
  readonly #base: Base;
  #isSnapshotPassed = false;
  /** Of the batches that come behind a gap, and are left out. */
  #leftOut: { readonly count: number; readonly time: number | undefined } | undefined;

  constructor(directory: Directory, salvage: Salvage, state: SalvagedState, base: Base) {
    this.#directory = directory;
    this.#salvage = salvage;
    this.#state = state;
    this.#base = base;
  }

  async read(logs: readonly SalvagedLog[]): Promise<void> {
    this.#checkBase(logs);
    this.#checkEntries(logs);
    const names = new Set(await this.#directory.names());
    for (const log of logs) {
      const name = `changelog-${log.number}`;
      const place = this.#directory.pathOf(name);
      if (this.#isBehindSnapshot(log)) this.#isSnapshotPassed = true;
      if (!names.has(name)) {
        this.#salvage.damaged({ place, reason: 'the file is missing' });
        this.#gap();
      } else {
        if (log.unlisted) this.#gap();
        await this.#readLog(name, place, log);
      }
    }
    this.#checkEnd();
    this.#sayWhatIsLeftOut();
  }

  /** Whether a snapshot is missing that the changelogs depend on. */
  #checkBase(logs: readonly SalvagedLog[]): void {
    const needed = logs.findLast(({ begin }) => begin)?.begin?.snapshot ?? 0;
    const isMissing = needed > this.#base.snapshot;
    const hasBegun = this.#base.snapshot > 0 || logs.length === 0 || logs[0]?.number === 1;
    if (!isMissing && hasBegun) return;
    const place = isMissing ? this.#directory.pathOf(`snapshot-${needed}`) : this.#directory.location;
    this.#salvage.damaged({ place, reason: 'a snapshot is missing: keys that have not changed since are left out' });
    this.#state.lose();
  }

  /** Whether the snapshot counted when a changelog was begun: those before it have all that the snapshot has. */
  #isBehindSnapshot({ begin }: SalvagedLog): boolean {
    return begin !== undefined && begin.snapshot >= this.#base.snapshot;
  }

  /** Without its last record a snapshot may have seen batches that its changelog, which may be too short, does not have. */
  #checkEntries(logs: readonly SalvagedLog[]): void {
    const { snapshot, hasEntries = false, hasEnd = false } = this.#base;
    if (!hasEntries || hasEnd || logs.some((log) => this.#isBehindSnapshot(log))) return;
    const reason =
      'its last record is lost: its entries may be of later batches than the checkpoint, and are left out unless a changelog sets them';
    this.#salvage.damaged({ place: this.#directory.pathOf(`snapshot-${snapshot}`), reason });
    this.#state.gap();
  }

  async #readLog(name: string, place: string, { number, end }: SalvagedLog): Promise<void> {
    let next = 0;
    let hasGap = false;
    const passed = ({ offset, until, records, reason }: PassedRange) => {
      const isBegin = next === 0 && records === 1;
      const meaning = records === 0 || isBegin ? 'nothing is lost by it' : lostText(records);
      this.#salvage.damaged({ place, offset, until, reason: `${reason}: ${meaning}` });
      // What comes before a changelog is known from elsewhere.
      if (records === 0 || isBegin) return;
      hasGap = true;
      this.#gap();
    };
    await this.#directory.salvageRecords(
      name,
      { torn: end === undefined, ...(end !== undefined && { end }) },
      {
        record: (payload, sequence, at) => {
          next = sequence + 1;
          if (sequence > 0) this.#record(payload, place, at);
        },
        passed,
      },
    );
    // Its first record was durable before the snapshot counted: no crash leaves it without.
    if (number !== this.#base.snapshot || next > 0 || hasGap) return;
    this.#salvage.damaged({ place, reason: `it has no record, and its snapshot needs it: ${lostText(undefined)}` });
    this.#gap();
  }

  #record(payload: Buffer, place: string, at: number): void {
    try {
      const record = recordFromBytes(payload);
      if (!this.#leftOut) this.#state.apply(record);
      else if (record.kind === 'saved') this.#leftOut = { count: this.#leftOut.count + 1, time: record.time };
    } catch (error) {
      const reason = `a record cannot be read: ${(error as Error).message}: ${lostText(1)}`;
      this.#salvage.damaged({ place, offset: at, reason });
      this.#gap();
    }
  }

  #gap(): void {
    if (this.#leftOut) return;
    if (!this.#salvage.past && this.#state.time !== undefined && this.#isOfOneBatch) {
      this.#leftOut = { count: 0, time: undefined };
    } else this.#state.gap();
  }

  /** Whether what has been read is as of one batch. */
  get #isOfOneBatch(): boolean {
    const { hasEntries = false, until = Infinity } = this.#base;
    return !hasEntries || this.#isSnapshotPassed || (this.#state.time ?? -Infinity) >= until;
  }

  /** A snapshot counts when all that it has seen is in the changelogs. */
  #checkEnd(): void {
    const { until } = this.#base;
    if (until === undefined || this.#leftOut || (this.#state.time ?? -Infinity) >= until) return;
    const reason = `its changelogs end before the batch of time ${until}, which its snapshot has: ${lostText(undefined)}`;
    this.#salvage.damaged({ place: this.#directory.location, reason });
    this.#gap();
  }

  #sayWhatIsLeftOut(): void {
    if (!this.#leftOut) return;
    const { count, time } = this.#leftOut;
    const later = count === 0 ? 'what came later is lost' : `${count} later ones, until time ${time}, are left out`;
    const reason = `it is as of the batch of time ${this.#state.time}: ${later}`;
    this.#salvage.damaged({ place: this.#directory.location, reason });
  }
}

function lostText(records: number | undefined): string {
  if (records === undefined) return 'records are lost';
  return records === 1 ? 'a record is lost' : `${records} records are lost`;
}
