import { describe, expect, it } from 'vitest';
import {
  branchNodes,
  checkHead,
  compareBytes,
  compareNumbers,
  freeRuns,
  kinds,
  leafNodes,
  type Page,
  PageFlaw,
  treeAt,
} from '../../../../src/state/lmdb/pages/treePages.js';

// Pages made by hand, after the layout that LMDB's source has.

const size = 512;
const none = { lower: undefined, upper: undefined };

/** A page with these nodes, behind the bytes of another. */
function page(number: number, kind: number, nodes: readonly Buffer[]): Page {
  const bytes = Buffer.alloc(2 * size, 0xee);
  const start = size;
  bytes.writeBigUInt64LE(BigInt(number), start);
  bytes.writeBigUInt64LE(9n, start + 8);
  bytes.writeUInt16LE(kind, start + 18);
  let upper = size - 24;
  for (const [i, node] of nodes.entries()) {
    upper -= node.length + (node.length % 2);
    node.copy(bytes, start + 24 + upper);
    bytes.writeUInt16LE(upper, start + 24 + 2 * i);
  }
  bytes.writeUInt16LE(2 * nodes.length, start + 20);
  bytes.writeUInt16LE(upper, start + 22);
  return { bytes, start, size };
}

function entry(key: string, value: string, kind = 0, length = value.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(length, 0);
  head.writeUInt16LE(kind, 4);
  head.writeUInt16LE(key.length, 6);
  return Buffer.concat([head, Buffer.from(key + value)]);
}

function link(key: string, number: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUIntLE(number, 0, 6);
  head.writeUInt16LE(key.length, 6);
  return Buffer.concat([head, Buffer.from(key)]);
}

const leaf = (...entries: readonly Buffer[]) => page(5, kinds.leaf, entries);
const branch = (...links: readonly Buffer[]) => page(5, kinds.branch, links);
const text = (from: string, until: string) => ({ lower: Buffer.from(from), upper: Buffer.from(until) });
const below = (given: Page, bounds = {}) => branchNodes(given, { ...none, ...bounds }, compareBytes);

function entriesOf(given: Page, bounds = {}): string[] {
  const found: string[] = [];
  leafNodes(given, { ...none, ...bounds }, compareBytes, (kind, key, keyEnd, length) => {
    found.push(`${kind} ${given.bytes.toString('latin1', key, keyEnd)} ${length}`);
  });
  return found;
}

describe('the beginning of a page', () => {
  it('says which page it is, of which kind, and which transaction wrote it', () => {
    expect(checkHead(leaf(entry('a', '1')), 5, kinds.leaf, 9)).toBe(9);
    expect(() => checkHead(leaf(), 6, kinds.leaf, 9)).toThrow('there should be page 6, and it says that it is 5');
    expect(() => checkHead(leaf(), 5, kinds.branch, 9)).toThrow(
      'there should be a page of kind 1, and it is of kind 2',
    );
    expect(() => checkHead(leaf(), 5, kinds.leaf, 8)).toThrow('transaction 9 cannot have written it');
  });

  it('says where its free space is', () => {
    for (const [lower, upper] of [
      [0, 400],
      [3, 400],
      [402, 400],
      [2, 490],
    ] as const) {
      const given = leaf(entry('a', '1'));
      given.bytes.writeUInt16LE(lower, given.start + 20);
      given.bytes.writeUInt16LE(upper, given.start + 22);
      expect(() => entriesOf(given)).toThrow(`its free space cannot be from ${lower} to ${upper}`);
    }
  });
});

describe('a leaf', () => {
  it('gives its entries', () => {
    const run = Buffer.alloc(24).toString('latin1');
    const given = leaf(entry('a', 'xyz'), entry('ab', ''), entry('b', run, 1, 70_000));
    expect(entriesOf(given)).toEqual(['0 a 3', '0 ab 0', '1 b 70000']);
    expect(entriesOf(given, text('a', 'c'))).toHaveLength(3);
  });

  it('has keys that ascend, between those of the page above', () => {
    expect(() => entriesOf(leaf(entry('b', ''), entry('a', '')))).toThrow('its keys do not ascend');
    expect(() => entriesOf(leaf(entry('a', ''), entry('a', '')))).toThrow('its keys do not ascend');
    expect(() => entriesOf(leaf(entry('ab', ''), entry('a', '')))).toThrow('its keys do not ascend');
    expect(() => entriesOf(leaf(entry('b', '')), text('c', 'd'))).toThrow('its keys do not ascend');
    expect(() => entriesOf(leaf(entry('b', '')), text('a', 'b'))).toThrow('its keys go beyond');
  });

  it('has entries that lie within it, at even places, without gaps and not one over the other', () => {
    const flaw = (change: (given: Page) => void) => {
      const given = leaf(entry('a', 'abcdef'), entry('b', 'ghijkl'));
      change(given);
      return () => entriesOf(given);
    };
    const place = (at: number) => flaw(({ bytes, start }) => bytes.writeUInt16LE(at, start + 24));
    // The first is at 472, the second at 456; its page ends at 488.
    expect(flaw(() => {})).not.toThrow();
    expect(place(454)).toThrow('no entry can be at 478');
    expect(place(471)).toThrow('no entry can be at 495');
    expect(place(482)).toThrow('no entry can be at 506');
    expect(place(456)).toThrow(PageFlaw);
    expect(flaw(({ bytes, start }) => bytes.writeUInt32LE(10, start + 24 + 472))).toThrow('does not end in its page');
    expect(flaw(({ bytes, start }) => bytes.writeUInt16LE(60_000, start + 24 + 472 + 6))).toThrow('does not end');
    expect(flaw(({ bytes, start }) => bytes.writeUInt32LE(4, start + 24 + 472))).toThrow(
      'its entries have 30 bytes, and there are 32',
    );
    expect(flaw(({ bytes, start }) => bytes.writeUInt16LE(2, start + 20))).toThrow('its entries have 16 bytes');
  });
});

describe('a branch', () => {
  it('gives the pages below with the bounds of their keys', () => {
    const found = below(branch(link('', 7), link('f', 2 ** 40), link('m', 9)), text('c', 'x'));
    expect(found.map(({ number, lower, upper }) => `${lower} ${number} ${upper}`)).toEqual([
      'c 7 f',
      `f ${2 ** 40} m`,
      'm 9 x',
    ]);
  });

  it('has keys that ascend, between those of the page above', () => {
    expect(() => below(branch(link('', 7), link('m', 8), link('f', 9)))).toThrow('its keys do not ascend');
    expect(() => below(branch(link('', 7), link('c', 8)), text('c', 'x'))).toThrow('its keys do not ascend');
    expect(() => below(branch(link('', 7), link('x', 8)), text('c', 'x'))).toThrow('its keys go beyond');
  });

  it('has keys that end in it', () => {
    const given = branch(link('', 7), link('f', 8));
    given.bytes.writeUInt16LE(30, size + 24 + 480 + 6);
    expect(() => below(given)).toThrow('a key of 30 bytes does not end in its page');
  });
});

it('the record of a tree has its counts and its root, or none', () => {
  const bytes = Buffer.alloc(50);
  bytes.writeUInt16LE(8, 2 + 4);
  bytes.writeUInt16LE(3, 2 + 6);
  for (const [i, count] of [1n, 2n, 3n, 2n ** 32n + 4n, 5n].entries()) bytes.writeBigUInt64LE(count, 2 + 8 + 8 * i);
  expect(treeAt(bytes, 2)).toEqual({
    flags: 8,
    depth: 3,
    branches: 1,
    leaves: 2,
    overflows: 3,
    entries: 2 ** 32 + 4,
    root: 5,
  });
  bytes.fill(255, 42);
  expect(treeAt(bytes, 2).root).toBeUndefined();
  bytes.writeUInt8(254, 42);
  expect(treeAt(bytes, 2).root).toBeGreaterThan(2 ** 63);
});

describe('a list of free pages', () => {
  const list = (...numbers: readonly number[]) => {
    const bytes = Buffer.alloc(8 * numbers.length);
    for (const [i, number] of numbers.entries()) bytes.writeBigInt64LE(BigInt(number), 8 * i);
    return bytes;
  };
  const runs = (bytes: Buffer, length = bytes.length) => {
    const found: number[][] = [];
    freeRuns(bytes, 0, length, (...run) => found.push(run));
    return found;
  };

  it('has pages, runs of them, and nothing', () => {
    expect(runs(list(5, 9, 0, -3, 20, 4))).toEqual([
      [9, 1],
      [20, 3],
      [4, 1],
    ]);
    expect(runs(list(0))).toEqual([]);
    // More room than it needs.
    expect(runs(list(1, 9, 8, 7))).toEqual([[9, 1]]);
  });

  it('ends where its value ends', () => {
    expect(() => runs(list(2, 9))).toThrow('it is no list of free pages');
    expect(() => runs(list(-1, 9))).toThrow('it is no list of free pages');
    expect(() => runs(list(1, 9), 12)).toThrow('it is no list of free pages');
    expect(() => runs(list(), 0)).toThrow('it is no list of free pages');
    expect(() => runs(list(2, 9, -4, 5))).toThrow('the last run of a list of free pages has no beginning');
  });
});

it('keys are compared byte by byte, those of free pages as numbers', () => {
  const bytes = (a: string, b: string) => compareBytes(Buffer.from(a), 0, a.length, Buffer.from(b), 0, b.length);
  expect(bytes('a', 'b')).toBeLessThan(0);
  expect(bytes('a', 'aa')).toBeLessThan(0);
  expect(bytes('b', 'aa')).toBeGreaterThan(0);
  expect(bytes('ab', 'ab')).toBe(0);
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64LE(256n, 0);
  numbers.writeBigUInt64LE(255n, 8);
  expect(compareNumbers(numbers, 0, 8, numbers, 8, 16)).toBeGreaterThan(0);
  expect(compareNumbers(numbers, 8, 16, numbers, 0, 8)).toBeLessThan(0);
  // Never an order.
  expect(compareNumbers(numbers, 0, 4, numbers, 8, 16)).toBeGreaterThan(0);
});
