import { CorruptCheckpointError } from '../../../batch/errors.js';
import type { OpenFile } from '../../../storage/fileSystem.js';
import { freeTreeAt, type Meta, mainTreeAt, transactionAt } from '../metaPages.js';
import { readRuns } from './readRuns.js';
import { compareBytes, compareNumbers, freeRuns, numberAt, PageFlaw, type Tree, treeAt } from './treePages.js';
import { type Pages, type TreeKind, TreeWalk } from './treeWalk.js';

/** What is checked in a database. */
export interface DatabaseKind extends TreeKind {
  readonly flags: number;
  /** Whether nothing of it is read. */
  readonly isLeftOut?: boolean;
}

/** A database whose record is in the main tree. */
interface Found {
  readonly name: string;
  readonly tree: Tree;
  /** The place of its record in the file. */
  readonly at: number;
  /** The transaction that wrote that. */
  readonly written: number;
}

/**
 * Walks through all pages that the last transaction left: each must be intact, match what leads to it, and occur in one
 * place only, in a tree or among the free pages.
 *
 * @throws {CorruptCheckpointError} when anything is not as LMDB writes it
 */
export async function walkPages(
  path: string,
  file: Pick<OpenFile, 'read'>,
  newest: Meta,
  other: Meta,
  databases: ReadonlyMap<string, DatabaseKind>,
): Promise<void> {
  const { pageSize, offset } = newest;
  const freeTree = treeAt(newest.bytes, freeTreeAt);
  const mainTree = treeAt(newest.bytes, mainTreeAt);
  const transaction = Number(newest.transaction);
  const pages: Pages = { path, file, pageSize, take: taker(Number(newest.lastPage)) };
  await checkOther(pages, newest, other);
  const found: Found[] = [];
  const ofMain = await new TreeWalk(pages, mainKind(found), mainTree).walk(transaction, offset + mainTreeAt);
  const ofFree = await new TreeWalk(pages, freeKind(pages, transaction), freeTree).walk(
    transaction,
    offset + freeTreeAt,
  );
  // Each transaction writes a new copy of one of them, and a new file has none.
  const written = Math.max(ofMain, ofFree);
  if (written !== transaction && written > 0) throw otherTransaction(path, newest, written);
  for (const { name, tree, at, written } of found) {
    const kind = databases.get(name);
    if (kind?.flags !== tree.flags) {
      throw new CorruptCheckpointError(path, at, `it has a database ${JSON.stringify(name)} with flags ${tree.flags}`);
    }
    if (!kind.isLeftOut) await new TreeWalk(pages, kind, tree).walk(written, at);
  }
}

/** Pages 0 and 1 are the meta pages. */
function taker(lastPage: number): Pages['take'] {
  const taken = new Uint8Array(lastPage + 1);
  return (first, count) => {
    if (first < 2 || count < 1 || first + count - 1 > lastPage) {
      throw new PageFlaw(0, `there are no ${count} pages from ${first} on: the last is ${lastPage}`);
    }
    for (let page = first; page < first + count; page++) {
      if (taken[page] === 1) throw new PageFlaw(0, `page ${page} is in two places`);
      taken[page] = 1;
    }
  };
}

/** The numbers that say which one is the newest may be damaged: then the trees of the other are newer than it says. */
async function checkOther({ path, file, pageSize }: Pages, { lastPage }: Meta, other: Meta): Promise<void> {
  const roots = [freeTreeAt, mainTreeAt].flatMap((at) => {
    const first = treeAt(other.bytes, at).root;
    return first !== undefined && first <= Number(lastPage) ? [{ first, count: 1 }] : [];
  });
  await readRuns(file, pageSize, roots, ({ bytes, start }, { first }) => {
    const written = numberAt(bytes, start + 8);
    if (numberAt(bytes, start) === first && written > other.transaction) throw otherTransaction(path, other, written);
  });
}

function otherTransaction(path: string, { offset, transaction }: Meta, written: number): CorruptCheckpointError {
  const reason = `it should be of transaction ${transaction}, and its trees are of ${written}`;
  return new CorruptCheckpointError(path, offset + transactionAt, reason);
}

/** The tree with the records of the databases, which are added to `found`. */
function mainKind(found: Found[]): TreeKind {
  return {
    compare: compareBytes,
    ofTrees: true,
    checkValue(keys, key, keyEnd, values, value, _, { offset, written }) {
      const name = keys.toString('latin1', key, keyEnd);
      found.push({ name, tree: treeAt(values, value), at: offset + value, written });
    },
  };
}

/** The tree of free pages. */
function freeKind({ take }: Pages, newest: number): TreeKind {
  return {
    compare: compareNumbers,
    checkValue(keys, key, keyEnd, values, value, valueEnd) {
      const transaction = keyEnd - key === 8 ? numberAt(keys, key) : 0;
      if (transaction < 1 || transaction > newest)
        throw new PageFlaw(0, `pages are free by transaction ${transaction}`);
      freeRuns(values, value, valueEnd - value, take);
    },
  };
}
