import { shortCrc32 } from '../../../storage/shortCrc32.js';
import { entryFits, valueFits } from '../lmdbEntry.js';
import { compareBytes, PageFlaw } from './treePages.js';
import type { DatabaseKind } from './walkPages.js';

/** LMDB's flag for a database whose values have a version. */
const versions = 0x100;

const plain: DatabaseKind = { compare: compareBytes, flags: 0 };

const entries: DatabaseKind = {
  ...plain,
  checkValue(leaf, key, keyEnd, bytes, start, end) {
    if (!entryFits(shortCrc32(leaf, keyEnd, 0, key), bytes, start, end))
      throw new PageFlaw(0, 'the checksum of a state does not fit');
  },
};

const checked: DatabaseKind = {
  ...plain,
  checkValue(leaf, key, keyEnd, bytes, start, end) {
    if (!valueFits(shortCrc32(leaf, keyEnd, 0, key), bytes, start, end))
      throw new PageFlaw(0, 'the checksum of a value does not fit');
  },
};

/** Takes the bytes of a key and of its value, in their places, which are valid until it returns. */
export type VisitEntry = (
  keys: Buffer,
  key: number,
  keyEnd: number,
  values: Buffer,
  value: number,
  valueEnd: number,
) => void;

/** What is checked in our databases. */
export interface Checked {
  /** The checksums of entries and ages too: what reads all of them does so again. */
  readonly values: boolean;
  /** The database that is left out. */
  readonly butOf?: string | undefined;
  /** The database whose entries, with their checksums checked, are visited. */
  readonly visited?: { readonly name: string; readonly visit: VisitEntry } | undefined;
}

/** What can be checked of our databases in the file. */
export function ourTrees({ values, butOf, visited }: Checked): ReadonlyMap<string, DatabaseKind> {
  const trees: Record<string, DatabaseKind> = {
    owner: { ...plain, flags: versions },
    progress: checked,
    states: checked,
    entries: values ? entries : plain,
    order: values ? checked : plain,
    // Of a copy of a changelog.
    records: values ? checked : plain,
    mark: checked,
  };
  const kindOf = (name: string, kind: DatabaseKind): DatabaseKind => {
    if (name === butOf) return { ...kind, isLeftOut: true };
    return name === visited?.name ? visiting(kind, visited.visit) : kind;
  };
  // The binding keeps names with the 0 at their end.
  return new Map(Object.entries(trees).map(([name, kind]) => [`${name}\0`, kindOf(name, kind)]));
}

function visiting(kind: DatabaseKind, visit: VisitEntry): DatabaseKind {
  return {
    ...kind,
    checkValue(keys, key, keyEnd, values, value, valueEnd, page) {
      kind.checkValue?.(keys, key, keyEnd, values, value, valueEnd, page);
      visit(keys, key, keyEnd, values, value, valueEnd);
    },
  };
}
