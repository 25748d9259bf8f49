import type { OpenFile } from '../../../storage/fileSystem.js';
import type { Page } from './treePages.js';

/** Bytes that are read at once, unless one run has more: what comes of them takes some ms, and other work gets its turn. */
const maxRunBytes = 524_288;
/** Bytes between two runs that are read along with them, as that costs less than another read. */
const maxGapBytes = 131_072;

/** Consecutive pages. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** Runs, by their place in the list, that are read at once. */
interface Group {
  readonly members: readonly number[];
  readonly first: number;
  readonly end: number;
}

/**
 * Reads runs of pages in the order of the file, neighbours at once, the next ones while the last ones are being checked.
 * Bytes beyond the end of the file read as zeros.
 */
export async function readRuns<R extends Run>(
  file: Pick<OpenFile, 'read'>,
  pageSize: number,
  runs: readonly R[],
  visit: (page: Page, run: R) => void,
): Promise<void> {
  let [used, spare] = [Buffer.alloc(0), Buffer.alloc(0)];
  const read = async ({ first, end, members }: Group) => {
    const length = (end - first) * pageSize;
    [used, spare] = [spare, used];
    if (used.length < length) used = Buffer.allocUnsafe(length);
    const bytes = used.subarray(0, length);
    const { bytesRead } = await file.read(bytes, 0, length, first * pageSize);
    return { bytes: bytes.fill(0, bytesRead), first, members };
  };
  const groups = groupsOf(runs, pageSize);
  let group = groups.next();
  let next = group.done ? undefined : read(group.value);
  try {
    while (next) {
      const { bytes, first, members } = await next;
      group = groups.next();
      next = group.done ? undefined : read(group.value);
      for (const member of members) {
        const run = runs[member] as R;
        visit({ bytes, start: (run.first - first) * pageSize, size: pageSize }, run);
      }
    }
  } finally {
    // One that was begun ends before the file is closed.
    await next?.catch(() => {});
  }
}

function* groupsOf(runs: readonly Run[], pageSize: number): IterableIterator<Group> {
  let members: number[] = [];
  let [begin, end] = [0, 0];
  for (const member of inOrder(runs)) {
    const { first, count } = runs[member] as Run;
    if (
      members.length > 0 &&
      ((first - end) * pageSize > maxGapBytes || (first + count - begin) * pageSize > maxRunBytes)
    ) {
      yield { members, first: begin, end };
      members = [];
    }
    if (members.length === 0) begin = first;
    members.push(member);
    end = first + count;
  }
  if (members.length > 0) yield { members, first: begin, end };
}

/** Sorted as numbers of page and place, which is much faster than by a function: up to 2 ** 19 of them, on 2 ** 34 pages. */
function inOrder(runs: readonly Run[]): Iterable<number> {
  const order = Float64Array.from(runs, ({ first }, place) => first * 524_288 + place).sort();
  return order.map((each) => each % 524_288);
}
