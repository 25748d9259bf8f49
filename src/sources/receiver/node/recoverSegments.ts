import { CorruptCheckpointError } from '../../../batch/errors.js';
import type { Directory } from '../../../storage/directory.js';
import { failpoint } from '../../../storage/failpoint.js';
import { SegmentFiles, type SegmentVisitor } from '../../../storage/segmentFiles.js';
import type { Block, StoredBlock, WriteAheadLogRequest } from '../writeAheadLog.js';
import {
  type BlockCodec,
  type BlockSegment,
  type BlockSegmentBegin,
  blockFromBytes,
  blockSegmentFormat,
  type WrittenBlock,
} from './segmentRecords.js';

/** Where a block is in the files. */
export interface BlockFrame extends StoredBlock {
  /** The number of the segment. */
  readonly segment: number;
  /** Where its frame begins, in bytes. */
  readonly at: number;
}

/** What a directory holds. */
export interface Recovery {
  /** The blocks with records that are not saved, in order; none where only `frames` were asked for. */
  readonly blocks: readonly Block<unknown>[];
  /** Where these blocks are. */
  readonly frames: readonly BlockFrame[];
  /** The segments that these are in, oldest first. */
  readonly segments: readonly BlockSegment[];
  /** Offset of the next record. */
  readonly next: number;
  /** Above the number of every segment. */
  readonly nextNumber: number;
  /** Names of files that do not count any more. */
  readonly leftOver: readonly string[];
}

/**
 * Reads the directory of a write-ahead log. Segments in which all records are saved may be missing.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function recoverSegments(
  directory: Directory,
  { saved, planned, lazy = false }: WriteAheadLogRequest,
  codec?: BlockCodec,
): Promise<Recovery> {
  const reading = { saved, lazy, codec };
  const files = new SegmentFiles(directory, blockSegmentFormat, await directory.names());
  failpoint('segment:listed');
  const nextNumber = (files.numbers.at(-1) ?? 0) + 1;
  // Blocks that stay in the files are only looked at.
  const keeping = { kept: !lazy };

  let lastBlocks = new BlockReader('', 0, reading);
  const last = await files.readLast((begin, path) => {
    checkCodec(path, begin, codec);
    lastBlocks = new BlockReader(path, begin.from, reading);
    return lastBlocks.visit;
  }, keeping);
  if (!last) {
    return { blocks: [], frames: [], segments: [], next: planned, nextNumber, leftOver: files.leftOver(new Set()) };
  }

  const all = [...last.begin.before, { number: last.number, from: last.begin.from, end: last.end }];
  checkBegin(files, all[0] as BlockSegment, planned);
  const blocks: Block<unknown>[] = [];
  const frames: BlockFrame[] = [];
  const segments: BlockSegment[] = [];
  const nextOf = (i: number) => all[i + 1]?.from ?? lastBlocks.next;
  // Not those in which all records are saved, or which are empty.
  const needed = [...all.entries()].filter(([i, segment]) => nextOf(i) > Math.max(saved, segment.from));
  const read = ([, segment]: (typeof needed)[number]) =>
    segment.number === last.number ? lastBlocks : readEarlier(files, segment, reading);
  for await (const [[i, segment], found] of readAhead(needed, read)) {
    segments.push(segment);
    if (found !== lastBlocks) checkNext(files.pathOf(segment.number), segment.end, found.next, nextOf(i), planned);
    for (const block of found.blocks) blocks.push(block);
    for (const frame of found.frames) frames.push({ ...frame, segment: segment.number });
  }
  if (lastBlocks.next < planned) {
    const reason = `it ends at record ${lastBlocks.next}, and batches were planned up to record ${planned}`;
    throw new CorruptCheckpointError(files.pathOf(last.number), last.end, reason);
  }
  failpoint('segment:read');
  const kept = new Set(segments.map(({ number }) => number));
  return { blocks, frames, segments, next: lastBlocks.next, nextNumber, leftOver: files.leftOver(kept) };
}

type BlockFiles = SegmentFiles<BlockSegment, BlockSegmentBegin>;

/** How blocks are read. */
interface Reading {
  /** Records before it are not needed. */
  readonly saved: number;
  /** Whether blocks are left in the files. */
  readonly lazy: boolean;
  readonly codec: BlockCodec | undefined;
}

/** Collects the blocks of one segment that hold records from `saved` on, checking that offsets go on without a gap. */
class BlockReader {
  readonly blocks: Block<unknown>[] = [];
  readonly frames: Omit<BlockFrame, 'segment'>[] = [];
  /** Offset of the record after the last. */
  next: number;
  readonly visit: SegmentVisitor;

  constructor(path: string, from: number, { saved, lazy, codec }: Reading) {
    this.next = from;
    this.visit = (payload, at) => {
      const block = blockFromBytes(payload, codec);
      if (block?.from !== this.next)
        throw new CorruptCheckpointError(path, at, `record ${this.next} should follow here`);
      this.next = block.until;
      if (this.next <= saved) return;
      const { until, time, positions } = block;
      const more = { ...(time !== undefined && { time }), ...(positions && { positions }) };
      this.frames.push({ from: block.from, until, at, bytes: payload.length, ...more });
      if (!lazy) this.blocks.push(readable(block, path, at));
    };
  }
}

/**
 * A block whose records are decoded when they are asked for. Decoded at once, all of them would be in the heap together: to move them there
 * took the garbage collector far longer than to decode them took.
 */
function readable({ from, time, positions, read }: WrittenBlock, path: string, at: number): Block<unknown> {
  return {
    from,
    ...(time !== undefined && { time }),
    ...(positions && { positions }),
    get records() {
      try {
        return read().records;
      } catch (error) {
        throw new CorruptCheckpointError(path, at, `a record cannot be read: ${(error as Error).message}`);
      }
    },
  };
}

/** Reads one ahead: while the checksums of one are computed, the disk reads the other. */
async function* readAhead<I, R>(items: readonly I[], read: (item: I) => R | Promise<R>): AsyncGenerator<[I, R]> {
  const begin = (item: I | undefined) => {
    const reading = item === undefined ? undefined : Promise.resolve(read(item));
    // One that comes before it may fail first.
    reading?.catch(() => {});
    return reading;
  };
  let next = begin(items[0]);
  for (const [i, item] of items.entries()) {
    const reading = next as Promise<R>;
    next = begin(items[i + 1]);
    try {
      yield [item, await reading];
    } catch (error) {
      await next?.catch(() => {});
      throw error;
    }
  }
}

async function readEarlier(files: BlockFiles, segment: BlockSegment, reading: Reading): Promise<BlockReader> {
  let reader = new BlockReader('', segment.from, reading);
  await files.read(
    segment,
    (begin, path) => {
      checkCodec(path, begin, reading.codec);
      reader = new BlockReader(path, begin.from, reading);
      return reader.visit;
    },
    { kept: !reading.lazy },
  );
  return reader;
}

function checkCodec(path: string, begin: BlockSegmentBegin, codec: BlockCodec | undefined): void {
  if (begin.codec === codec?.name) return;
  const nameOf = (name: string | undefined) => (name === undefined ? 'the default codec' : `the codec "${name}"`);
  throw new CorruptCheckpointError(
    path,
    0,
    `it was written with ${nameOf(begin.codec)}, not with ${nameOf(codec?.name)}`,
  );
}

/** Refuses a checkpoint that is older than what was deleted when it was saved, or that was itself deleted. */
function checkBegin(files: BlockFiles, { number, from }: BlockSegment, planned: number): void {
  if (from <= planned) return;
  const reason = `it begins at record ${from}, and the checkpoint goes on at record ${planned}: they do not belong together`;
  throw new CorruptCheckpointError(files.pathOf(number), 0, reason);
}

/** Between two segments there may be records of a stream that had no log; the checkpoint has planned them. */
function checkNext(path: string, end: number, reached: number, next: number, planned: number): void {
  if (reached === next || (reached < next && next <= planned)) return;
  throw new CorruptCheckpointError(path, end, `it ends at record ${reached}, and the next one begins at ${next}`);
}
