// The layout of LMDB's file (version 2 of its format, 64 bits, little endian), and checks of it.
//
// A page begins with its number (8), the transaction that wrote it (8), 2 bytes without meaning, its kind (2) and, in a branch
// or a leaf, where its free space begins (2) and ends (2), in the first of a run of overflow pages how many they are (4).
// Places within a page are counted from behind these 24 bytes. First come those of the nodes (2 each), in order of their keys,
// until the free space; behind it, without gaps, the nodes, each at an even place:
//
//   branch   the page below (6), length of the key (2), key; that of the first node is not used
//   leaf     length of the value (4), kind of the value (2), length of the key (2), key, value
//
// The value of kind 1 is in overflow pages, after the 24 bytes of the first; the leaf has that page (8), a transaction (8) and
// their number (8). The value of kind 2 is the record of a tree: 4 bytes, flags (2), depth (2), how many branches (8),
// leaves (8), overflow pages (8) and entries (8) it has, its root (8; all bits are set if the tree is empty).
//
// The tree of free pages has a list for each transaction that freed some, by its number (8): how many numbers follow (8),
// and those (8 each): 0 is nothing, above 0 a page; below 0 how many pages, the first of which comes next.

export const headLength = 24;
export const treeLength = 48;
const runLength = 24;
const nodeHead = 8;

export const kinds = { branch: 1, leaf: 2, overflow: 4 } as const;
/** Of values that are in their leaf, elsewhere, or are trees. */
export const valueKinds = { plain: 0, overflow: 1, tree: 2 } as const;

/** What a page has that cannot be. */
export class PageFlaw extends Error {
  override readonly name = 'PageFlaw';
  /** Bytes from the beginning of the page. */
  readonly at: number;

  constructor(at: number, reason: string) {
    super(reason);
    this.at = at;
  }
}

/** A page, within the bytes of several. */
export interface Page {
  readonly bytes: Buffer;
  readonly start: number;
  /** Bytes of a page. */
  readonly size: number;
}

export interface Tree {
  readonly flags: number;
  /** Levels of pages; 0 of a tree without entries, which has no root. */
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  readonly root: number | undefined;
}

/** Which of two keys comes first: below 0, 0 or above, as for `sort`. */
export type Compare = (
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
) => number;

/** The keys of a page lie between these: the first may be the lower one, none is the upper one. */
export interface Bounds {
  readonly lower: Buffer | undefined;
  readonly upper: Buffer | undefined;
}

/** Takes a node of a leaf: the kind of its value, where in the bytes its key begins and ends, and the length of the value. */
export type LeafVisitor = (kind: number, key: number, keyEnd: number, valueLength: number) => void;

/** Above 2 ** 53 not exact, and then larger than whatever it is compared with. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32;
}

export function treeAt(bytes: Uint8Array, at: number): Tree {
  return {
    flags: u16(bytes, at + 4),
    depth: u16(bytes, at + 6),
    branches: numberAt(bytes, at + 8),
    leaves: numberAt(bytes, at + 16),
    overflows: numberAt(bytes, at + 24),
    entries: numberAt(bytes, at + 32),
    root:
      u32(bytes, at + 40) === 2 ** 32 - 1 && u32(bytes, at + 44) === 2 ** 32 - 1 ? undefined : numberAt(bytes, at + 40),
  };
}

/** Of a value in overflow pages: the first of them, and their number. */
export function runAt(bytes: Uint8Array, at: number): { readonly first: number; readonly count: number } {
  return { first: numberAt(bytes, at), count: numberAt(bytes, at + 16) };
}

/** How many overflow pages a value takes. */
export function pagesOf(valueLength: number, pageSize: number): number {
  return Math.ceil((headLength + valueLength) / pageSize);
}

/**
 * Looks at the beginning of a page.
 *
 * @param newest the transaction that has written what leads to the page: none after it has written the page
 * @returns the transaction that has written the page
 * @throws {PageFlaw} when it is another page, of another kind, or written later
 */
export function checkHead({ bytes, start }: Page, number: number, kind: number, newest: number): number {
  const found = numberAt(bytes, start);
  if (found !== number) throw new PageFlaw(0, `there should be page ${number}, and it says that it is ${found}`);
  const transaction = numberAt(bytes, start + 8);
  if (transaction > newest)
    throw new PageFlaw(8, `transaction ${transaction} cannot have written it, only one until ${newest}`);
  const foundKind = u16(bytes, start + 18);
  if (foundKind !== kind)
    throw new PageFlaw(18, `there should be a page of kind ${kind}, and it is of kind ${foundKind}`);
  return transaction;
}

/** How many pages a run has, by its first. */
export function runLengthOf({ bytes, start }: Page): number {
  return u32(bytes, start + 20);
}

/**
 * Looks at the nodes of a branch.
 *
 * @returns the pages below, with the bounds of their keys
 * @throws {PageFlaw} when they cannot be so
 */
export function branchNodes(page: Page, bounds: Bounds, compare: Compare): (Bounds & { readonly number: number })[] {
  const { bytes } = page;
  const nodes = nodesOf(page);
  const numbers: number[] = [];
  const keys: (Buffer | undefined)[] = [];
  let used = 0;
  let before = bounds.lower;
  for (let i = 0; i < nodes.count; i++) {
    const at = nodeAt(page, nodes, i);
    const length = u16(bytes, at + 6);
    const end = at + nodeHead + length;
    if (end > nodes.end) throw new PageFlaw(at + 6 - page.start, `a key of ${length} bytes does not end in its page`);
    used += even(nodeHead + length);
    numbers.push(u32(bytes, at) + u16(bytes, at + 4) * 2 ** 32);
    if (i === 0) {
      keys.push(bounds.lower);
      continue;
    }
    const key = Buffer.from(bytes.subarray(at + nodeHead, end));
    if (before && compare(before, 0, before.length, key, 0, length) >= 0)
      throw new PageFlaw(at + nodeHead - page.start, 'its keys do not ascend');
    keys.push(key);
    before = key;
  }
  const { upper } = bounds;
  if (before && upper && compare(before, 0, before.length, upper, 0, upper.length) >= 0)
    throw new PageFlaw(0, 'its keys go beyond those of the page above');
  checkUsed(page, nodes, used);
  return numbers.map((number, i) => ({
    number,
    lower: keys[i],
    upper: i + 1 < keys.length ? keys[i + 1] : bounds.upper,
  }));
}

/**
 * Looks at the nodes of a leaf, and shows each to `visit`.
 *
 * @returns how many there are
 * @throws {PageFlaw} when they cannot be so
 */
export function leafNodes(page: Page, { lower, upper }: Bounds, compare: Compare, visit: LeafVisitor): number {
  const { bytes, start } = page;
  const nodes = nodesOf(page);
  let used = 0;
  let lastKey = 0;
  let lastEnd = 0;
  for (let i = 0; i < nodes.count; i++) {
    const at = nodeAt(page, nodes, i);
    const kind = u16(bytes, at + 4);
    const key = at + nodeHead;
    const keyEnd = key + u16(bytes, at + 6);
    const valueLength = u32(bytes, at);
    const end = keyEnd + (kind === valueKinds.overflow ? runLength : valueLength);
    if (end > nodes.end) throw new PageFlaw(at - start, 'an entry does not end in its page');
    used += even(end - at);
    const ascends =
      i > 0
        ? compare(bytes, lastKey, lastEnd, bytes, key, keyEnd) < 0
        : !lower || compare(lower, 0, lower.length, bytes, key, keyEnd) <= 0;
    if (!ascends) throw new PageFlaw(key - start, 'its keys do not ascend');
    lastKey = key;
    lastEnd = keyEnd;
    visit(kind, key, keyEnd, valueLength);
  }
  if (upper && compare(bytes, lastKey, lastEnd, upper, 0, upper.length) >= 0)
    throw new PageFlaw(lastKey - start, 'its keys go beyond those of the page above');
  checkUsed(page, nodes, used);
  return nodes.count;
}

/**
 * Yields the free pages of a list, in runs.
 *
 * @param length of the list, in bytes
 * @throws {PageFlaw} when it is no list
 */
export function freeRuns(
  bytes: Uint8Array,
  start: number,
  length: number,
  take: (first: number, count: number) => void,
): void {
  const count = length < 8 || length % 8 !== 0 ? Infinity : numberAt(bytes, start);
  if (count * 8 > length - 8) throw new PageFlaw(0, 'it is no list of free pages');
  for (let i = 1; i <= count; i++) {
    const at = start + 8 * i;
    // Below 0: its highest bit is set.
    const negative = (bytes[at + 7] as number) > 127;
    if (!negative) {
      const number = numberAt(bytes, at);
      if (number > 0) take(number, 1);
      continue;
    }
    i++;
    if (i > count) throw new PageFlaw(0, 'the last run of a list of free pages has no beginning');
    take(numberAt(bytes, at + 8), 2 ** 32 - u32(bytes, at) + (2 ** 32 - 1 - u32(bytes, at + 4)) * 2 ** 32);
  }
}

/** As LMDB does by default: bytes, and a key before those that it begins. */
export const compareBytes: Compare = (a, aStart, aEnd, b, bStart, bEnd) => {
  const shorter = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
};

/** As numbers of 8 bytes. What has another length comes after whatever it is compared with, so it is no order. */
export const compareNumbers: Compare = (a, aStart, aEnd, b, bStart, bEnd) => {
  if (aEnd - aStart !== 8 || bEnd - bStart !== 8) return 1;
  return numberAt(a, aStart) - numberAt(b, bStart);
};

interface Nodes {
  readonly count: number;
  /** In the bytes: where nodes may begin, and where the page ends. */
  readonly begin: number;
  readonly end: number;
}

function nodesOf({ bytes, start, size }: Page): Nodes {
  const lower = u16(bytes, start + 20);
  const upper = u16(bytes, start + 22);
  const space = size - headLength;
  if (lower === 0 || lower % 2 !== 0 || lower > upper || upper > space) {
    throw new PageFlaw(20, `its free space cannot be from ${lower} to ${upper}`);
  }
  return { count: lower / 2, begin: start + headLength + upper, end: start + size };
}

function nodeAt({ bytes, start }: Page, { begin, end }: Nodes, i: number): number {
  const placeAt = start + headLength + 2 * i;
  const at = start + headLength + u16(bytes, placeAt);
  if (at >= begin && at + nodeHead <= end && (at - start) % 2 === 0) return at;
  throw new PageFlaw(placeAt - start, `no entry can be at ${at - start}`);
}

/** The nodes have no gaps between them, so two that overlap leave room. */
function checkUsed({ start }: Page, { begin, end }: Nodes, used: number): void {
  if (used === end - begin) return;
  throw new PageFlaw(begin - start, `its entries have ${used} bytes, and there are ${end - begin}`);
}

function even(length: number): number {
  return length + (length & 1);
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}
