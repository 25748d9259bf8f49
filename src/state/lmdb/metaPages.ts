import { CorruptCheckpointError } from '../../batch/errors.js';
import type { OpenFile } from '../../storage/fileSystem.js';

// A meta page: number of the page (8), transaction (8), 0 (2), its kind (2), 0 (4); magic (4), version (4), address (8), size
// of the map (8); the record of the tree of free pages, which begins with the size of a page (4); that of the main tree; last
// page (8), transaction (8).
export const magicAt = 24;
const mapSizeAt = 40;
const pageSizeAt = 48;
export const freeTreeAt = 48;
export const mainTreeAt = 96;
const lastPageAt = 144;
export const transactionAt = 152;
const metaLength = 160;
const metaKind = 8;
const magic = 0xbeefc0de;
const version = 2;
/** Of machines as they are. */
const pageSizes = [4_096, 16_384, 65_536, 8_192, 32_768];
/** What a process can map. */
const mapLimit = 2n ** 46n;

/** What each of the two meta pages says; one is of the last transaction, the other of the one before. */
export interface Meta {
  /** Its place in the file. */
  readonly offset: number;
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
  /** Its bytes, which also hold the records of the main tree and of the tree of free pages. */
  readonly bytes: Buffer;
  /** What never changes. */
  readonly fixed: Buffer;
}

/** Whether it is known where a meta page has what: the layout is that of a machine of 64 bits. */
export const layoutIsKnown = ['x64', 'arm64'].includes(process.arch);

/** Both pages. @throws {CorruptCheckpointError} if one of them is not a meta page */
export async function metasOf(
  path: string,
  file: Pick<OpenFile, 'read'>,
): Promise<readonly [first: Meta, second: Meta]> {
  const first = await metaAt(path, file, 0, 0);
  return [first, await metaAt(path, file, 1, first.pageSize)];
}

/** Those that can be read, that of the last transaction first; `damaged` is called for one that cannot. */
export async function metasFound(
  path: string,
  file: Pick<OpenFile, 'read'>,
  damaged: (offset: number, reason: string) => void,
): Promise<readonly Meta[]> {
  const found: Meta[] = [];
  const look = async (number: number, offset: number) => {
    try {
      found.push(await metaAt(path, file, number, offset));
      return true;
    } catch (error) {
      if (!(error instanceof CorruptCheckpointError)) throw error;
      return error;
    }
  };
  const first = await look(0, 0);
  if (first !== true) damaged(first.offset, first.reason);
  // The first says how large a page is.
  const sizes = found[0] ? [found[0].pageSize] : pageSizes;
  let second: true | CorruptCheckpointError | undefined;
  for (const size of sizes) {
    second = await look(1, size);
    if (second === true) break;
  }
  if (second && second !== true) damaged(second.offset, second.reason);
  return found.sort((a, b) => Number(b.transaction - a.transaction));
}

/** That of the last transaction first. */
export function newestFirst([first, second]: readonly [Meta, Meta]): readonly [newest: Meta, other: Meta] {
  return first.transaction > second.transaction ? [first, second] : [second, first];
}

async function metaAt(path: string, file: Pick<OpenFile, 'read'>, number: number, offset: number): Promise<Meta> {
  const page = Buffer.alloc(metaLength);
  const { bytesRead } = await file.read(page, 0, page.length, offset);
  const refuse = (at: number, reason: string) => new CorruptCheckpointError(path, offset + at, reason);
  if (bytesRead < page.length) throw refuse(bytesRead, 'it ends within a meta page');
  if (page.readBigUInt64LE(0) !== BigInt(number) || page.readUInt16LE(18) !== metaKind) {
    throw refuse(0, 'there should be a meta page');
  }
  if (page.readUInt32LE(magicAt) !== magic) throw refuse(magicAt, 'it is no database of LMDB');
  const found = page.readUInt16LE(magicAt + 4);
  if (found !== version)
    throw refuse(magicAt + 4, `it has version ${found} of LMDB's format, and only ${version} can be read`);
  if (page.readBigUInt64LE(mapSizeAt) > mapLimit)
    throw refuse(mapSizeAt, 'it would be larger than the memory of a process');
  const pageSize = page.readUInt32LE(pageSizeAt);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    throw refuse(pageSizeAt, `its pages would have ${pageSize} bytes`);
  }
  const fixed = Buffer.concat([
    page.subarray(magicAt, mapSizeAt),
    page.subarray(pageSizeAt, pageSizeAt + 6),
    page.subarray(mainTreeAt, mainTreeAt + 6),
  ]);
  // Whether the transaction was synced when it was seen, which another client may have put off.
  fixed[21] = (fixed[21] ?? 0) & ~0x10;
  return {
    offset,
    pageSize,
    lastPage: page.readBigUInt64LE(lastPageAt),
    transaction: page.readBigUInt64LE(transactionAt),
    bytes: page,
    fixed,
  };
}

/** What cannot be of two meta pages of one file. */
export function contradiction(metas: readonly [Meta, Meta]): string | undefined {
  const [first, second] = metas;
  const [newest, other] = newestFirst(metas);
  if (!first.fixed.equals(second.fixed)) return 'its meta pages are not of one database';
  if (!takeTurns(first.transaction, second.transaction)) {
    return `its meta pages are of transactions ${first.transaction} and ${second.transaction}`;
  }
  if (newest.lastPage < other.lastPage) return `it had ${other.lastPage} pages and has ${newest.lastPage} now`;
  return undefined;
}

/** Even transactions are written to the first page, odd ones to the second; both are 0 at first. */
function takeTurns(first: bigint, second: bigint): boolean {
  if (second === 0n) return first === 0n;
  return first % 2n === 0n && (second === first + 1n || second === first - 1n);
}
