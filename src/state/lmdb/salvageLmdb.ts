import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import { stateFromBytes } from '../../storage/stateBytes.js';
import type { PlannedBatch, RestoredCheckpoint } from '../checkpoint.js';
import type { Damage, Salvage } from '../damage.js';
import { salvagedCheckpoint } from '../salvagedCheckpoint.js';
import { headFromBytes, valueFits, valueFromBytes } from './lmdbEntry.js';
import type { LmdbProgress, LmdbStateRecord } from './lmdbStore.js';
import { contradiction, freeTreeAt, layoutIsKnown, type Meta, mainTreeAt, metasFound } from './metaPages.js';
import { compareBytes, compareNumbers, freeRuns, PageFlaw, type Tree, treeAt, treeLength } from './pages/treePages.js';
import { SalvagedPages, type TreeEntry } from './salvagedPages.js';

interface FoundEntry {
  readonly key: Key;
  readonly state: unknown;
  readonly seq: number;
}

/**
 * Reads what is left of a directory of LMDB: the file itself, page by page, without LMDB, which may end the process over a damaged one.
 * Each entry has a checksum of its key and its state, which is the proof. A page that is damaged is passed over, and so is what is below it.
 *
 * @throws {CorruptCheckpointError} when no meta page can be read
 */
export async function salvageLmdb(
  directory: string,
  { damaged }: Salvage,
  fs: Pick<FileSystem, 'open'> = privateFileSystem,
): Promise<RestoredCheckpoint | undefined> {
  const path = join(directory, 'data.mdb');
  if (!layoutIsKnown) throw new CorruptCheckpointError(path, 0, `its layout on ${process.arch} is not known`);
  const file = await fs.open(path, 'r');
  try {
    const { size } = await file.stat();
    const metas = await metasFound(path, file, (offset, reason) => damaged({ place: path, offset, reason }));
    const open = ({ pageSize, lastPage }: Meta) => {
      const pages = Math.min(Number(lastPage) + 1, Math.ceil(size / pageSize) + 1);
      return new SalvagedPages(path, file, { pageSize, pages }, damaged);
    };
    const doubt = await doubtOf(metas, open);
    if (doubt) damaged({ place: path, reason: `${doubt}: what the last transaction has written may be left out` });
    for (const meta of metas) {
      const pages = open(meta);
      if (await isOf(pages, meta)) return await new SalvagedFile(path, pages, meta, damaged).read();
      const reason = `what transaction ${meta.transaction} has written cannot be read: that before it counts`;
      damaged({ place: path, offset: meta.offset, reason });
    }
    throw new CorruptCheckpointError(path, 0, 'neither of its meta pages leads to what it holds');
  } finally {
    await file.close();
  }
}

/** Why the meta page that says it is the newest may not be that. */
async function doubtOf(metas: readonly Meta[], open: (meta: Meta) => SalvagedPages): Promise<string | undefined> {
  const [newest, other] = metas;
  if (!newest || !other) return undefined;
  const reason = contradiction(newest.offset === 0 ? [newest, other] : [other, newest]);
  if (reason) return reason;
  const pages = open(newest);
  for (const at of [mainTreeAt, freeTreeAt]) {
    const found = await pages.rootTransaction(treeAt(other.bytes, at));
    if (found > other.transaction)
      return `a meta page is of transaction ${other.transaction}, and its trees of ${found}`;
  }
  return undefined;
}

/** Whether the trees are of the transaction that a meta page says. */
async function isOf(pages: SalvagedPages, { bytes, transaction }: Meta): Promise<boolean> {
  const newest = Number(transaction);
  const main = await pages.writtenAt(treeAt(bytes, mainTreeAt), newest);
  const free = await pages.writtenAt(treeAt(bytes, freeTreeAt), newest);
  if (main === undefined) return false;
  return free === undefined || Math.max(main, free) === newest || (main === 0 && free === 0);
}

class SalvagedFile {
  readonly #path: string;
  readonly #pages: SalvagedPages;
  readonly #meta: Meta;
  readonly #damaged: (damage: Damage) => void;
  readonly #trees = new Map<string, Tree>();
  readonly #states = new Map<number, LmdbStateRecord & { readonly id: string }>();
  readonly #entries = new Map<number, FoundEntry[]>();
  readonly #planned: PlannedBatch[] = [];
  #isPlanLost = false;
  #progress: LmdbProgress | undefined;

  constructor(path: string, pages: SalvagedPages, meta: Meta, damaged: (damage: Damage) => void) {
    this.#path = path;
    this.#pages = pages;
    this.#meta = meta;
    this.#damaged = (damage) => {
      damaged(damage);
      // It may be one of a planned batch.
      this.#isPlanLost = true;
    };
  }

  async read(): Promise<RestoredCheckpoint | undefined> {
    await this.#readFree();
    const main = treeAt(this.#meta.bytes, mainTreeAt);
    for await (const { key, value } of this.#pages.entries('databases', main, this.#newest, compareBytes)) {
      // The binding keeps names with the 0 at their end.
      if (value.length === treeLength) this.#trees.set(key.toString('latin1').replace(/\0$/, ''), treeAt(value, 0));
    }
    for await (const entry of this.#of('states')) this.#state(entry);
    this.#isPlanLost = false;
    const planEntries = this.#trees.get('progress')?.entries;
    let seen = 0;
    for await (const entry of this.#of('progress')) {
      seen++;
      this.#progressEntry(entry);
    }
    if (seen !== planEntries) this.#isPlanLost = true;
    if (!this.#progress && (this.#states.size > 0 || this.#isPlanLost)) {
      this.#damaged({ place: this.#path, reason: 'its progress is lost: the states come without it' });
    }
    for await (const entry of this.#of('entries')) this.#entry(entry);
    return this.#restored();
  }

  get #newest(): number {
    return Number(this.#meta.transaction);
  }

  /** A page that is free is not part of a tree, however much it looks so. */
  async #readFree(): Promise<void> {
    const free = treeAt(this.#meta.bytes, freeTreeAt);
    const entries = this.#pages.entries('lists of free pages', free, this.#newest, compareNumbers);
    for await (const { value, offset } of entries) {
      try {
        freeRuns(value, 0, value.length, (first, count) => this.#pages.take(first, count));
      } catch (error) {
        if (!(error instanceof PageFlaw)) throw error;
        this.#damaged({ place: this.#path, offset, reason: `a list of free pages: ${error.message}` });
      }
    }
  }

  async *#of(name: 'progress' | 'states' | 'entries'): AsyncGenerator<TreeEntry> {
    const tree = this.#trees.get(name);
    if (tree) yield* this.#pages.entries(name, tree, this.#newest, compareBytes);
    else this.#damaged({ place: this.#path, reason: `it has no ${name}` });
  }

  #state({ key, value, offset }: TreeEntry): void {
    const id = key.toString();
    if (valueFits(crc32(key), value)) {
      const record = valueFromBytes(key, value, this.#path) as LmdbStateRecord;
      this.#states.set(record.number, { id, ...record });
    } else {
      const reason = 'what the state is cannot be read: it is left out with all its keys';
      this.#damaged({ place: this.#path, offset, state: id, reason });
    }
  }

  #progressEntry({ key, value, offset }: TreeEntry): void {
    const name = key.toString('latin1');
    if (!valueFits(crc32(key), value)) {
      this.#damaged({ place: this.#path, offset, reason: `the checksum of ${JSON.stringify(name)} does not fit` });
    } else if (name === 'progress') this.#progress = valueFromBytes(key, value, this.#path) as LmdbProgress;
    else if (name.startsWith('planned ')) this.#planned.push(valueFromBytes(key, value, this.#path) as PlannedBatch);
  }

  #entry({ key, value, offset }: TreeEntry): void {
    const number = key.length >= 4 ? key.readUInt32BE(0) : -1;
    const state = this.#states.get(number)?.id;
    try {
      const { seq, longKey, stateEnd } = headFromBytes(crc32(key), value, value.length, this.#path);
      const found = {
        key: longKey ? keyFromBytes(longKey) : keyFromBytes(key, 4),
        state: stateFromBytes(value, stateEnd),
        seq,
      };
      const entries = this.#entries.get(number);
      if (entries) entries.push(found);
      else this.#entries.set(number, [found]);
    } catch (error) {
      const reason = error instanceof CorruptCheckpointError ? error.reason : (error as Error).message;
      this.#damaged({ place: this.#path, offset, ...(state !== undefined && { state }), ...keyOf(key), reason });
    }
  }

  #restored(): RestoredCheckpoint | undefined {
    for (const [number, { length }] of this.#entries) {
      if (this.#states.has(number)) continue;
      const reason = `${length} keys of a state that cannot be told are left out`;
      this.#damaged({ place: this.#path, reason });
    }
    const states = new Map([...this.#states.values()].map((state) => [state.id, state]));
    for (const { id, number, size } of states.values()) {
      const missing = size - (this.#entries.get(number)?.length ?? 0);
      if (missing === 0) continue;
      this.#damaged({ place: this.#path, state: id, reason: `${missing} of its ${size} keys are left out` });
    }
    const planned = this.#isPlanLost ? [] : this.#planned;
    return salvagedCheckpoint(this.#progress, planned, {
      stateIds: [...states.keys()].sort(),
      state: (id) => {
        const state = states.get(id);
        if (!state) return undefined;
        const { operator, signature, version, number } = state;
        const entries = [...(this.#entries.get(number) ?? [])].sort((a, b) => a.seq - b.seq);
        return { operator, signature, version, entries: () => entries.map((one) => [one.key, one.state] as const) };
      },
    });
  }
}

/** The key as it reads now: it may be what is damaged. */
function keyOf(bytes: Buffer): { readonly key?: Key } {
  try {
    return { key: keyFromBytes(bytes, 4) };
  } catch {
    return {};
  }
}
