import { CorruptCheckpointError } from '../batch/errors.js';
import type { FileSystem } from './fileSystem.js';
import { isNeverSynced, laterRecord } from './laterRecord.js';
import type { ReadOptions } from './readRecords.js';
import { type FrameHead, frameBytes, headAt, headerBytes, headerFault, isOtherKind, isWhole } from './recordFrame.js';
import type { RecordMac } from './recordMac.js';
import { WindowedReader, windowBytes } from './windowedReader.js';

/** Bytes of a file that were passed over. */
export interface PassedRange {
  readonly offset: number;
  readonly until: number;
  /** How many records were in them; `undefined` where no later record says so. */
  readonly records: number | undefined;
  readonly reason: string;
}

export interface SalvageVisitor {
  /** A whole record: its number in the file, and where it begins. */
  record(payload: Buffer, sequence: number, at: number): void;
  /** Called in the order of the file, before the record behind the range. */
  passed(range: PassedRange): void;
}

/** More records than this are not missing in one place: a number beyond that is damage. */
const maxMissing = 2 ** 24;

/**
 * Reads all records of a file that are whole, whatever is between them. A record is found by its head, and its checksums are the proof.
 * Those of a record in the place of another one, or twice, are passed over.
 *
 * @returns where the last whole record ends
 * @throws {CorruptCheckpointError} when the file needs another `integrityKey`, or none
 */
export async function salvageRecords(
  fs: FileSystem,
  path: string,
  { end, torn = false, mac }: Omit<ReadOptions, 'kept'>,
  visitor: SalvageVisitor,
): Promise<number> {
  const file = await fs.open(path, 'r');
  try {
    const { size } = await file.stat();
    const reader = new WindowedReader(file, Math.min(size, end ?? size), true);
    const first = await reader.bytes(0, headerBytes);
    if (isOtherKind(first, mac !== undefined)) {
      const fault = headerFault(first, mac !== undefined);
      throw new CorruptCheckpointError(path, fault?.offset ?? 0, fault?.reason ?? '');
    }
    const salvage = new Salvage(reader, mac, visitor);
    await salvage.read(first, torn);
    if (end !== undefined && size < end) {
      visitor.passed({ offset: size, until: end, records: undefined, reason: `it had ${end} bytes before` });
    }
    return salvage.end;
  } finally {
    await file.close();
  }
}

/** A record that is as it was written. */
interface Found {
  readonly at: number;
  readonly until: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

class Salvage {
  readonly #reader: WindowedReader;
  readonly #mac: RecordMac | undefined;
  readonly #visitor: SalvageVisitor;
  /** The number of the next record. */
  #expected = 0;
  end = 0;

  constructor(reader: WindowedReader, mac: RecordMac | undefined, visitor: SalvageVisitor) {
    this.#reader = reader;
    this.#mac = mac;
    this.#visitor = visitor;
  }

  async read(first: Buffer, torn: boolean): Promise<void> {
    const { size } = this.#reader;
    let at = await this.#header(first, torn);
    while (at < size) {
      const here = await this.#recordAt(at);
      if (here && this.#isNext(here.sequence)) {
        this.#take(at, here);
        at = here.until;
        continue;
      }
      const reason = await this.#reasonAt(at);
      const next = (await this.#behind(at)) ?? (await this.#search(at + 1));
      if (!next) {
        await this.#tail(at, reason, torn);
        return;
      }
      this.#passed(at, next.at, next.sequence - this.#expected, reason);
      this.#expected = next.sequence;
      at = next.at;
    }
  }

  /** Where the first record may begin. */
  async #header(first: Buffer, torn: boolean): Promise<number> {
    const fault = headerFault(first, this.#mac !== undefined);
    if (!fault) {
      this.end = headerBytes;
      return headerBytes;
    }
    if (torn && (await isNeverSynced(this.#reader, first))) return this.#reader.size;
    // Bytes may be missing of it, or be more than they were.
    const found = (await this.#recordAt(headerBytes)) ?? (await this.#search(0));
    const until = found?.at ?? Math.min(headerBytes, this.#reader.size);
    this.#passed(0, until, found ? found.sequence : undefined, fault.reason);
    if (found) this.#expected = found.sequence;
    return found ? until : this.#reader.size;
  }

  #isNext(sequence: number): boolean {
    return sequence >= this.#expected && sequence <= this.#expected + maxMissing;
  }

  #take(at: number, { sequence, payload, until }: Found): void {
    if (sequence > this.#expected) {
      const reason = `it is record ${sequence} where ${this.#expected} should be`;
      this.#passed(at, at, sequence - this.#expected, reason);
    }
    this.#visitor.record(payload, sequence, at);
    this.#expected = sequence + 1;
    this.end = until;
  }

  #passed(offset: number, until: number, records: number | undefined, reason: string): void {
    this.#visitor.passed({ offset, until, records, reason });
  }

  /** What a crash has cut off was never acknowledged. */
  async #tail(at: number, reason: string, torn: boolean): Promise<void> {
    const { size } = this.#reader;
    if (torn && !(await laterRecord(this.#reader, at, this.#expected))) return;
    this.#passed(at, size, undefined, reason);
  }

  /** The record behind one whose head is whole: what it holds may look like records. */
  async #behind(at: number): Promise<Found | undefined> {
    const head = headAt(await this.#reader.bytes(at, frameBytes), 0);
    if (!head || head.sequence !== this.#expected) return undefined;
    const next = await this.#recordAt(at + frameBytes + head.length);
    return next && next.sequence > this.#expected && this.#isNext(next.sequence) ? next : undefined;
  }

  async #search(from: number): Promise<Found | undefined> {
    const { size } = this.#reader;
    for (let start = from; start + frameBytes <= size; start += windowBytes) {
      const bytes = Buffer.from(await this.#reader.bytes(start, windowBytes + frameBytes - 1));
      for (let i = 0; i < windowBytes && i + frameBytes <= bytes.length; i++) {
        if (!this.#isNext(bytes.readUInt32BE(i + 4)) || !headAt(bytes, i)) continue;
        const found = await this.#recordAt(start + i);
        if (found) return found;
      }
    }
    return undefined;
  }

  async #recordAt(at: number): Promise<Found | undefined> {
    const head = headAt(await this.#reader.bytes(at, frameBytes), 0);
    if (!head) return undefined;
    const until = at + frameBytes + head.length;
    if (until > this.#reader.size) return undefined;
    const bytes = await this.#reader.bytes(at + frameBytes, head.length);
    const payload = isWhole(bytes, head) ? this.#verified(bytes, head) : undefined;
    return payload && { at, until, sequence: head.sequence, payload };
  }

  #verified(payload: Buffer, { sequence }: FrameHead): Buffer | undefined {
    return this.#mac ? this.#mac.verified(payload, sequence) : payload;
  }

  /** Why the record that begins here was passed over. */
  async #reasonAt(at: number): Promise<string> {
    const head = headAt(await this.#reader.bytes(at, frameBytes), 0);
    if (!head) return 'a record has no complete head';
    if (!this.#isNext(head.sequence)) return `it is record ${head.sequence} where ${this.#expected} should be`;
    const until = at + frameBytes + head.length;
    if (until > this.#reader.size) return 'a record runs past the end of the file';
    const payload = await this.#reader.bytes(at + frameBytes, head.length);
    if (!isWhole(payload, head)) return 'the checksum of a record is wrong';
    return 'a record was not written with this integrityKey';
  }
}
