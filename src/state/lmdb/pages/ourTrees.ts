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

/**
 * What can be checked of our databases in the file.
 *
 * @param values whether to look at the checksums of entries and ages: what reads all of them does so again
 */
export function ourTrees(values: boolean): ReadonlyMap<string, DatabaseKind> {
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
  // The binding keeps names with the 0 at their end.
  return new Map(Object.entries(trees).map(([name, kind]) => [`${name}\0`, kind]));
}
