import { CorruptCheckpointError } from '../../../batch/errors.js';
import type { Directory } from '../../../storage/directory.js';
import { failpoint } from '../../../storage/failpoint.js';
import { SegmentFiles, type SegmentVisitor } from '../../../storage/segmentFiles.js';
import type { Block, WriteAheadLogRequest } from '../writeAheadLog.js';
import { type BlockSegment, blockFromBytes, blockSegmentFormat } from './segmentRecords.js';

/** What a directory holds. */
export interface Recovery {
  /** The blocks with records that are not saved, in order. */
  readonly blocks: readonly Block<unknown>[];
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
  { saved, planned }: WriteAheadLogRequest,
): Promise<Recovery> {
  const files = new SegmentFiles(directory, blockSegmentFormat, await directory.names());
  failpoint('segment:listed');
  const nextNumber = (files.numbers.at(-1) ?? 0) + 1;

  let lastBlocks = new BlockReader('', 0, saved);
  const last = await files.readLast(({ from }, path) => {
    lastBlocks = new BlockReader(path, from, saved);
    return lastBlocks.visit;
  });
  if (!last) return { blocks: [], segments: [], next: planned, nextNumber, leftOver: files.leftOver(new Set()) };

  const all = [...last.begin.before, { number: last.number, from: last.begin.from, end: last.end }];
  checkBegin(files, all[0] as BlockSegment, planned);
  const blocks: Block<unknown>[] = [];
  const segments: BlockSegment[] = [];
  for (const [i, segment] of all.entries()) {
    const next = all[i + 1]?.from ?? lastBlocks.next;
    // All records in it are saved, or it is empty.
    if (next <= Math.max(saved, segment.from)) continue;
    segments.push(segment);
    const read = segment.number === last.number ? lastBlocks : await readEarlier(files, segment, saved);
    if (read !== lastBlocks) checkNext(files.pathOf(segment.number), segment.end, read.next, next, planned);
    for (const block of read.blocks) blocks.push(block);
  }
  if (lastBlocks.next < planned) {
    const reason = `it ends at record ${lastBlocks.next}, and batches were planned up to record ${planned}`;
    throw new CorruptCheckpointError(files.pathOf(last.number), last.end, reason);
  }
  failpoint('segment:read');
  const kept = new Set(segments.map(({ number }) => number));
  return { blocks, segments, next: lastBlocks.next, nextNumber, leftOver: files.leftOver(kept) };
}

type BlockFiles = SegmentFiles<BlockSegment, { readonly from: number; readonly before: readonly BlockSegment[] }>;

/** Collects the blocks of one segment that hold records from `saved` on, checking that offsets go on without a gap. */
class BlockReader {
  readonly blocks: Block<unknown>[] = [];
  /** Offset of the record after the last. */
  next: number;
  readonly visit: SegmentVisitor;

  constructor(path: string, from: number, saved: number) {
    this.next = from;
    this.visit = (payload, at) => {
      const block = blockFromBytes(payload);
      if (block?.from !== this.next)
        throw new CorruptCheckpointError(path, at, `record ${this.next} should follow here`);
      this.next = block.until;
      if (this.next > saved) this.blocks.push(block.read());
    };
  }
}

async function readEarlier(files: BlockFiles, segment: BlockSegment, saved: number): Promise<BlockReader> {
  let reader = new BlockReader('', segment.from, saved);
  await files.read(segment, ({ from }, path) => {
    reader = new BlockReader(path, from, saved);
    return reader.visit;
  });
  return reader;
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
