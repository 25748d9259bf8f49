import type { KeyObject } from 'node:crypto';
import type { Damage } from '../../../state/damage.js';
import type { Directory } from '../../../storage/directory.js';
import { LockedDirectory } from '../../../storage/lockedDirectory.js';
import { privateFileSystem } from '../../../storage/privateFileSystem.js';
import { numbersOf } from '../../../storage/segmentFiles.js';
import type { Block } from '../writeAheadLog.js';
import {
  type BlockCodec,
  type BlockSegmentBegin,
  blockFromBytes,
  blockSegmentFormat,
  type WrittenBlock,
} from './segmentRecords.js';

interface ReadSegment {
  readonly number: number;
  readonly begin: BlockSegmentBegin | undefined;
  readonly blocks: readonly { readonly block: WrittenBlock; readonly at: number }[];
  readonly damages: readonly Damage[];
}

/**
 * Reads all blocks of a write-ahead log that are whole, in order, and writes nothing. Blocks of different segments do not depend on each
 * other: each says which records it has. `start`: the record from which on all are asked for.
 */
async function* salvageBlocks(
  directory: Directory,
  codec: BlockCodec | undefined,
  damaged: (damage: Damage) => void,
  start: number | undefined,
): AsyncGenerator<Block<unknown>, void> {
  const numbers = numbersOf(await directory.names(), blockSegmentFormat.prefix);
  const ends = await endsOf(directory, numbers);
  for (const number of ends.missing) damaged({ place: pathOf(directory, number), reason: 'the file is missing' });
  let next: number | undefined;
  for (const number of numbers) {
    // Not in the list of the last one: what it holds is saved, or was never acknowledged.
    if (ends.last !== undefined && number < ends.last && !ends.of.has(number)) continue;
    const place = pathOf(directory, number);
    const { begin, blocks, damages } = await readSegment(directory, number, ends.of.get(number), codec);
    for (const damage of damages) damaged(damage);
    if (begin && begin.codec !== codec?.name) {
      const name = begin.codec === undefined ? 'the default codec' : `the codec "${begin.codec}"`;
      damaged({ place, reason: `it was written with ${name}: pass that as \`codec\` to exportWriteAheadLog` });
      continue;
    }
    const first = begin?.from ?? blocks[0]?.block.from;
    if (next === undefined && start !== undefined && first !== undefined && first > start) {
      damaged({ place, reason: `records ${start} to ${first - 1} are not in the log` });
    }
    next ??= first;
    for (const { block, at } of blocks) {
      const { from, until } = block;
      if (next !== undefined && from > next) {
        damaged({ place, offset: at, reason: `records ${next} to ${from - 1} are not in the log` });
      }
      if (next !== undefined && from < next) {
        damaged({ place, offset: at, reason: `records ${from} to ${until - 1} are there twice: the first are taken` });
        continue;
      }
      next = until;
      try {
        yield block.read();
      } catch (error) {
        const reason = `records ${from} to ${until - 1} cannot be read: ${(error as Error).message}`;
        damaged({ place, offset: at, reason });
      }
    }
  }
}

function pathOf(directory: Directory, number: number): string {
  return directory.pathOf(`${blockSegmentFormat.prefix}-${number}`);
}

/** Where segments end, as the last one says whose beginning is whole. */
async function endsOf(directory: Directory, numbers: readonly number[]) {
  for (const number of [...numbers].reverse()) {
    const { begin } = await readSegment(directory, number);
    if (!begin) continue;
    const of = new Map(begin.before.map((segment) => [segment.number, segment.end]));
    // Those before the first that is there have been saved.
    const missing = [...of.keys()].filter((one) => !numbers.includes(one) && one > (numbers[0] ?? 0));
    return { of, missing, last: number };
  }
  return { of: new Map<number, number>(), missing: [], last: undefined };
}

async function readSegment(
  directory: Directory,
  number: number,
  end?: number,
  codec?: BlockCodec,
): Promise<ReadSegment> {
  const place = pathOf(directory, number);
  let begin: BlockSegmentBegin | undefined;
  const blocks: ReadSegment['blocks'][number][] = [];
  const damages: Damage[] = [];
  const name = `${blockSegmentFormat.prefix}-${number}`;
  await directory.salvageRecords(
    name,
    { torn: end === undefined, ...(end !== undefined && { end }) },
    {
      record: (payload, sequence, at) => {
        try {
          const found = sequence === 0 ? blockSegmentFormat.decode(payload) : blockFromBytes(payload, codec);
          if (sequence === 0) begin = found as BlockSegmentBegin | undefined;
          else if (found) blocks.push({ block: found as WrittenBlock, at });
          else damages.push({ place, offset: at, reason: 'it is no block' });
        } catch (error) {
          damages.push({ place, offset: at, reason: `a block cannot be read: ${(error as Error).message}` });
        }
      },
      passed: ({ offset, until, reason }) => damages.push({ place, offset, until, reason }),
    },
  );
  return { number, begin, blocks, damages };
}

/** Owns the directory of a log while its blocks are read; a stream that has it is not disturbed. */
export async function* readDamagedLog(
  location: string,
  {
    codec,
    key,
    from,
  }: { readonly codec: BlockCodec | undefined; readonly key: KeyObject | undefined; readonly from: number | undefined },
  damaged: (damage: Damage) => void,
): AsyncGenerator<Block<unknown>, void> {
  const open = async (locked: LockedDirectory) => locked;
  const directory = await LockedDirectory.open(location, 'write-ahead log', open, privateFileSystem, undefined, key);
  try {
    yield* salvageBlocks(directory, codec, damaged, from);
  } finally {
    await directory.release();
  }
}
