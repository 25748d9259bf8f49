import { join } from 'node:path';
import { CorruptCheckpointError } from '../../../batch/errors.js';
import { missing, numbersOf } from '../../../state/file/fileRecovery.js';
import { failpoint } from '../../../storage/failpoint.js';
import type { FileSystem } from '../../../storage/fileSystem.js';
import { readRecords } from '../../../storage/readRecords.js';
import type { Block } from '../block.js';
import type { WriteAheadLogRequest } from '../writeAheadLog.js';
import { beginFromBytes, blockFromBytes, type SegmentBegin, type SegmentEnd } from './segmentRecords.js';

export const segmentPath = (directory: string, number: number) => join(directory, `segment-${number}`);

/** What a directory holds. */
export interface Recovery {
  /** The blocks with records that are not saved, in order. */
  readonly blocks: readonly Block<unknown>[];
  /** The segments that these are in, oldest first. */
  readonly segments: readonly SegmentEnd[];
  /** Offset of the next record. */
  readonly next: number;
  /** Above the number of every segment. */
  readonly nextNumber: number;
  /** Names of files that do not count any more. */
  readonly leftOver: readonly string[];
}

/**
 * Reads the directory of a write-ahead log, and changes nothing in it: so a crash in the middle costs nothing.
 *
 * Each segment begins with a list of those before it and where they ended, so that the last one says what belongs to the
 * log: one that is missing or shorter is refused, unless all in it is saved; and what a process wrote after another had
 * taken over is passed over. In the last segment alone the end may be torn: it was never acknowledged.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function recoverSegments(
  fs: FileSystem,
  directory: string,
  { saved, planned }: WriteAheadLogRequest,
): Promise<Recovery> {
  const names = await fs.list(directory);
  const found = numbersOf(names, /^segment-(\d+)$/).sort((a, b) => a - b);
  const temporary = names.filter((name) => /^lock-.*\.tmp$/.test(name));
  failpoint('segment:listed');
  const nextNumber = (found.at(-1) ?? 0) + 1;

  const last = await lastSegment(fs, directory, found, saved);
  if (!last) {
    const leftOver = [...temporary, ...found.map((number) => `segment-${number}`)];
    return { blocks: [], segments: [], next: planned, nextNumber, leftOver };
  }
  const all = [...last.begin.before, { number: last.number, from: last.begin.from, end: last.end }];
  checkBegin(directory, all[0] as SegmentEnd, planned);
  const blocks: Block<unknown>[] = [];
  const needed: SegmentEnd[] = [];
  for (const [i, segment] of all.entries()) {
    const next = all[i + 1]?.from ?? last.next;
    // All in it is saved, or it is empty.
    if (next <= Math.max(saved, segment.from)) continue;
    needed.push(segment);
    if (segment.number === last.number) blocks.push(...last.blocks);
    else {
      const path = segmentPath(directory, segment.number);
      if (!found.includes(segment.number)) throw missing(path);
      const read = await readSegment(fs, path, { end: segment.end }, saved);
      checkNext(path, segment.end, read.next, next, planned);
      blocks.push(...read.blocks);
    }
  }
  if (last.next < planned) {
    const rule = `it ends at record ${last.next}, and batches were planned up to record ${planned}`;
    throw new CorruptCheckpointError(segmentPath(directory, last.number), last.end, rule);
  }
  failpoint('segment:read');
  const kept = new Set(needed.map(({ number }) => `segment-${number}`));
  return {
    blocks,
    segments: needed,
    next: last.next,
    nextNumber,
    leftOver: [...temporary, ...found.map((number) => `segment-${number}`).filter((name) => !kept.has(name))],
  };
}

/** A checkpoint that is older than what was deleted by its order, or that was deleted itself. */
function checkBegin(directory: string, { number, from }: SegmentEnd, planned: number): void {
  if (from <= planned) return;
  const rule = `it begins at record ${from}, and the checkpoint goes on at record ${planned}: they do not belong together`;
  throw new CorruptCheckpointError(segmentPath(directory, number), 0, rule);
}

/** Between two segments there may be records of a stream that had no log; the checkpoint has planned them. */
function checkNext(path: string, end: number, reached: number, next: number, planned: number): void {
  if (reached === next || (reached < next && next <= planned)) return;
  throw new CorruptCheckpointError(path, end, `it ends at record ${reached}, and the next one begins at ${next}`);
}

interface Segment {
  readonly begin: SegmentBegin;
  readonly blocks: readonly Block<unknown>[];
  /** Offset of the record after its last. */
  readonly next: number;
  /** Where it ends, in bytes. */
  readonly end: number;
}

/** The newest segment with a whole first record: a process that died before that has written nothing into it. */
async function lastSegment(
  fs: FileSystem,
  directory: string,
  found: readonly number[],
  saved: number,
): Promise<(Segment & { readonly number: number }) | undefined> {
  for (const number of [...found].reverse()) {
    const segment = await readSegment(fs, segmentPath(directory, number), { torn: true }, saved);
    if (segment.begin !== none) return { number, ...segment };
  }
  return undefined;
}

const none: SegmentBegin = { from: 0, before: [] };

/** Reads one, and keeps the blocks with records from `saved` on. */
async function readSegment(
  fs: FileSystem,
  path: string,
  options: { readonly end?: number; readonly torn?: boolean },
  saved: number,
): Promise<Segment> {
  let begin = none;
  let next = 0;
  const blocks: Block<unknown>[] = [];
  const end = await readRecords(fs, path, options, (payload, at) => {
    if (begin === none) {
      const first = beginFromBytes(payload);
      if (!first) throw new CorruptCheckpointError(path, at, 'it does not say what comes before it');
      begin = first;
      next = first.from;
      return;
    }
    const block = blockFromBytes(payload);
    if (block?.from !== next) throw new CorruptCheckpointError(path, at, `record ${next} should follow here`);
    next = block.until;
    if (next > saved) blocks.push(block.read());
  });
  return { begin, blocks, next, end };
}
