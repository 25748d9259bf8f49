import { CorruptCheckpointError } from '../../../batch/errors.js';
import type { OpenFile } from '../../../storage/fileSystem.js';
import { type Run, readRuns } from './readRuns.js';
import {
  type Bounds,
  branchNodes,
  type Compare,
  checkHead,
  headLength,
  kinds,
  leafNodes,
  type Page,
  PageFlaw,
  pagesOf,
  runAt,
  runLengthOf,
  type Tree,
  treeLength,
  valueKinds,
} from './treePages.js';

/** What is checked in a tree. */
export interface TreeKind {
  readonly compare: Compare;
  /** Whether its values are trees themselves. */
  readonly ofTrees?: boolean;
  /**
   * Checks a value, with its key, which is in other bytes if the value is long.
   *
   * @param page which has the value: where the bytes begin in the file, and the transaction that wrote it
   * @throws {PageFlaw} when it cannot be so
   */
  checkValue?(
    keys: Buffer,
    key: number,
    keyEnd: number,
    values: Buffer,
    value: number,
    valueEnd: number,
    page: { readonly offset: number; readonly written: number },
  ): void;
}

/** The file, and what has been found in it. */
export interface Pages {
  readonly path: string;
  readonly file: Pick<OpenFile, 'read'>;
  readonly pageSize: number;
  /** Takes pages for a tree, or as free. @throws {PageFlaw} if they do not exist, or are taken */
  take(first: number, count: number): void;
}

/** A page, as that above it tells. */
interface Place extends Run, Bounds {
  /** The transaction that wrote the page above. */
  readonly newest: number;
}

/** A value in overflow pages, some of which are read. */
interface LongValue extends Run {
  /** How many there are. */
  readonly pages: number;
  readonly length: number;
  readonly newest: number;
  /** When it is needed. */
  readonly key: Buffer | undefined;
}

/** How deep LMDB can go. */
const maxDepth = 32;
/** These decide how much is held in memory, about 30 MB at most, and how nearly in order the file is read. */
const branchesAtOnce = 1_024;
const leavesAtOnce = 131_072;
const longValuesAtOnce = 131_072;

/** Walks through one tree, level by level, and through the pages of a level in the order of the file. */
export class TreeWalk {
  readonly #pages: Pages;
  readonly #kind: TreeKind;
  readonly #tree: Tree;
  readonly #counts = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
  #rootWritten = 0;

  constructor(pages: Pages, kind: TreeKind, tree: Tree) {
    this.#pages = pages;
    this.#kind = kind;
    this.#tree = tree;
  }

  /**
   * @param newest the transaction that wrote the record of the tree
   * @param at the place of that record in the file
   * @returns the transaction that wrote the root; 0 of a tree without
   * @throws {CorruptCheckpointError} when anything is not as LMDB writes it
   */
  async walk(newest: number, at: number): Promise<number> {
    const { root, depth } = this.#tree;
    if ((root === undefined) !== (depth === 0) || depth > maxDepth) throw this.#damage(at, `a tree has depth ${depth}`);
    if (root !== undefined) {
      this.#looking(at, () => this.#pages.take(root, 1));
      await this.#level([{ first: root, count: 1, lower: undefined, upper: undefined, newest }], 1);
    }
    for (const what of ['branches', 'leaves', 'overflows', 'entries'] as const) {
      const [wanted, count] = [this.#tree[what], this.#counts[what]];
      if (wanted !== count) throw this.#damage(at, `a tree should have ${wanted} ${what}, and has ${count}`);
    }
    return this.#rootWritten;
  }

  async #level(places: readonly Place[], depth: number): Promise<void> {
    const { depth: last, leaves, overflows } = this.#tree;
    if (depth < last) {
      for (const part of parts(places, branchesAtOnce)) await this.#level(await this.#branches(part), depth + 1);
      return;
    }
    // A leaf with long values has many of them.
    const maxItems = overflows > leaves ? leavesAtOnce / 64 : leavesAtOnce;
    for (const part of parts(places, maxItems)) await this.#leaves(part);
  }

  /** Returns the pages below. */
  async #branches(places: readonly Place[]): Promise<Place[]> {
    const below: Place[] = [];
    await this.#read(places, (page, place) => {
      const newest = this.#headOf(page, place, kinds.branch);
      this.#counts.branches++;
      for (const { number, lower, upper } of branchNodes(page, place, this.#kind.compare)) {
        this.#pages.take(number, 1);
        below.push({ first: number, count: 1, lower, upper, newest });
      }
    });
    return below;
  }

  async #leaves(places: readonly Place[]): Promise<void> {
    const long: LongValue[] = [];
    const { compare, ofTrees = false } = this.#kind;
    const inPlace = ofTrees ? valueKinds.tree : valueKinds.plain;
    await this.#read(places, (page, place) => {
      const written = this.#headOf(page, place, kinds.leaf);
      this.#counts.leaves++;
      const { bytes, start } = page;
      const where = { offset: place.first * this.#pages.pageSize - start, written };
      this.#counts.entries += leafNodes(page, place, compare, (kind, key, keyEnd, length) => {
        if (kind === valueKinds.overflow && !ofTrees) {
          long.push(this.#longValue(page, key, keyEnd, length, written));
        } else if (kind === inPlace && (!ofTrees || length === treeLength)) {
          this.#kind.checkValue?.(bytes, key, keyEnd, bytes, keyEnd, keyEnd + length, where);
        } else throw new PageFlaw(key - start, `a value cannot be of kind ${kind} with ${length} bytes`);
      });
    });
    for (const part of parts(long, longValuesAtOnce)) await this.#longValues(part);
  }

  #longValue({ bytes, start, size }: Page, key: number, keyEnd: number, length: number, newest: number): LongValue {
    const { first, count: pages } = runAt(bytes, keyEnd);
    if (pages < pagesOf(length, size)) throw new PageFlaw(key - start, `${length} bytes do not fit in ${pages} pages`);
    this.#pages.take(first, pages);
    this.#counts.overflows += pages;
    if (!this.#kind.checkValue) return { first, count: 1, pages, length, newest, key: undefined };
    return { first, count: pages, pages, length, newest, key: Buffer.from(bytes.subarray(key, keyEnd)) };
  }

  #longValues(values: readonly LongValue[]): Promise<void> {
    return this.#read(values, (page, { first, pages, length, newest, key }) => {
      const written = checkHead(page, first, kinds.overflow, newest);
      const found = runLengthOf(page);
      if (found !== pages) throw new PageFlaw(20, `there should be ${pages} pages, and it says ${found}`);
      if (!key) return;
      const start = page.start + headLength;
      const where = { offset: first * this.#pages.pageSize - page.start, written };
      this.#kind.checkValue?.(key, 0, key.length, page.bytes, start, start + length, where);
    });
  }

  #headOf(page: Page, { first, newest }: Place, kind: number): number {
    const written = checkHead(page, first, kind, newest);
    if (first === this.#tree.root) this.#rootWritten = written;
    return written;
  }

  #read<R extends Run>(runs: readonly R[], visit: (page: Page, run: R) => void): Promise<void> {
    const { file, pageSize } = this.#pages;
    return readRuns(file, pageSize, runs, (page, run) => this.#looking(run.first * pageSize, () => visit(page, run)));
  }

  #looking(offset: number, look: () => void): void {
    try {
      look();
    } catch (error) {
      throw error instanceof PageFlaw ? this.#damage(offset + error.at, error.message) : error;
    }
  }

  #damage(at: number, reason: string): CorruptCheckpointError {
    return new CorruptCheckpointError(this.#pages.path, at, reason);
  }
}

function* parts<T>(list: readonly T[], maxItems: number): IterableIterator<readonly T[]> {
  for (let from = 0; from < list.length; from += maxItems) yield list.slice(from, from + maxItems);
}
