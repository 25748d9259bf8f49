import type { Database } from 'lmdb';
import { lookupBytes } from '../../storage/keyBytes.js';
import { LoopSlices } from '../../storage/loopSlices.js';
import { shortCrc32 } from '../../storage/shortCrc32.js';
import type { ChangelogRecord } from '../kafka/changelog.js';
import type { CopyMark, LocalCopy, VisitSlice } from '../kafka/localCopy.js';
import { readDatabase } from './checkFiles.js';
import { checkedBytes, valueFits, valueFromBytes, valueToBytes } from './lmdbEntry.js';
import { LmdbEnvironment, type OpenedFiles, openFiles } from './lmdbEnvironment.js';
import { reading } from './lmdbErrors.js';
import { openSlices, rangeOfSlices, type Slice } from './lmdbSlices.js';
import { layoutIsKnown } from './metaPages.js';

// Two databases beside that of the owner:
//   records  the value of each key behind a checksum; a key that is too long to look up is in front of its value
//   mark     one entry, which is written in the transaction of the records that it is about

const markKey = Buffer.from('mark');
/** In front of a value: whether its key is there too. */
const shortKey = Buffer.of(0);
const checksumBytes = 4;
const records = 'records';
const lengthBytes = 4;

/** A copy of a changelog in a directory of LMDB. */
export class LmdbCopy extends LmdbEnvironment implements LocalCopy {
  readonly #records: Database<Buffer, Buffer>;
  readonly #slices: Database<Slice, Buffer>;
  readonly #mark: Database<Buffer, Buffer>;

  private constructor(files: OpenedFiles) {
    super(files);
    this.#records = this.openDatabase(records);
    this.#slices = openSlices(files, 'records');
    this.#mark = this.openDatabase('mark');
  }

  /**
   * All pages are checked: LMDB may end the process by a signal over a damaged one. With `toRead` those of the records are when they are
   * read, as are the checksums of values.
   */
  static open(directory: string, toRead: boolean): Promise<LmdbCopy> {
    const make = async (files: OpenedFiles) => reading(directory, () => new LmdbCopy(files));
    return openFiles(directory, { pages: true, butOf: toRead ? records : undefined }, undefined, make);
  }

  mark(): CopyMark | undefined {
    this.beginRead().done();
    const bytes = this.get(this.#mark, markKey);
    return bytes && (valueFromBytes(markKey, bytes, this.directory) as CopyMark);
  }

  async read(visit: VisitSlice): Promise<void> {
    // As of one transaction, whatever its owner writes meanwhile.
    const transaction = this.beginRead();
    const turns = new LoopSlices();
    try {
      // From now on that is what it holds.
      this.get(this.#mark, markKey, { transaction });
      if (layoutIsKnown) {
        await readDatabase(this.directory, records, (keys, key, keyEnd, values, value, valueEnd) =>
          visitRecord(keys, key, keyEnd, values, value, valueEnd, visit),
        );
        return;
      }
      let count = 0;
      for (const { key, value } of rangeOfSlices(this, this.#slices, { transaction })) {
        const at = shortCrc32(key.bytes, key.end, 0, key.start);
        if (!valueFits(at, value.bytes, value.start, value.end)) {
          throw this.damaged('the checksum of a record does not fit');
        }
        visitRecord(key.bytes, key.start, key.end, value.bytes, value.start, value.end, visit);
        if (turns.isOver(++count)) await turns.next();
      }
    } finally {
      transaction.done();
    }
  }

  own(): Promise<void> {
    return this.beginEpoch();
  }

  async write(records: readonly ChangelogRecord[], mark: CopyMark | undefined): Promise<void> {
    await this.transact(() => {
      for (const { key, value } of records) {
        const at = lookupBytes(key);
        if (value === null) this.remove(this.#records, at);
        else this.put(this.#records, at, checkedBytes(at, withKey(at, key, value)));
      }
      if (mark) this.put(this.#mark, markKey, valueToBytes(markKey, mark));
    });
  }
}

function withKey(at: Buffer, key: Buffer, value: Buffer): Buffer {
  if (at === key) return Buffer.concat([shortKey, value]);
  const head = Buffer.alloc(1 + lengthBytes, 1);
  head.writeUInt32BE(key.length, 1);
  return Buffer.concat([head, key, value]);
}

function visitRecord(
  key: Buffer,
  start: number,
  end: number,
  bytes: Buffer,
  from: number,
  to: number,
  visit: VisitSlice,
): void {
  const body = from + checksumBytes + 1;
  if (bytes[from + checksumBytes] === 0) {
    visit(key, start, end, bytes, body, to);
    return;
  }
  const keyEnd = body + lengthBytes + bytes.readUInt32BE(body);
  visit(bytes, body + lengthBytes, keyEnd, bytes, keyEnd, to);
}
