import type { RetainedRecords } from '../../log/recordReader.js';
import type { RecordView } from '../../log/recordView.js';
import type { BufferRefCount } from './bufferRefCount.js';
import type { OpenRecordBatch, RecordCursor } from './recordCursor.js';

/** Part of a record batch, at [`from`, `until`) of the buffer. */
export interface Section {
  readonly bytes: Buffer;
  readonly from: number;
  readonly until: number;
  readonly batch: OpenRecordBatch;
  /** Records below this offset are passed over: the batch begins before the offset that was asked for. */
  readonly position: number;
  readonly count: number;
}

/** A part of a record batch that has been read once and is kept to be read again. */
export class RetainedSection implements RetainedRecords {
  readonly #cursor: RecordCursor;
  readonly #section: Section;
  readonly #refCount: BufferRefCount | undefined;

  /** Sections may share a cursor: `read` opens it at its own section. */
  constructor(cursor: RecordCursor, section: Section, refCount: BufferRefCount | undefined) {
    this.#cursor = cursor;
    this.#section = section;
    this.#refCount = refCount;
    refCount?.retain();
  }

  get count(): number {
    return this.#section.count;
  }

  get bytes(): number {
    return this.#section.until - this.#section.from;
  }

  read(visit: (view: RecordView) => void): void {
    const { bytes, from, until, batch } = this.#section;
    let { position } = this.#section;
    const cursor = this.#cursor;
    cursor.open(bytes, from, until, batch);
    while (!cursor.atEnd) {
      cursor.next();
      // The same records as in the first pass.
      if (cursor.offset < position) continue;
      position = cursor.offset + 1;
      visit(cursor);
    }
  }

  release(): void {
    if (this.#cursor.exposed) this.#refCount?.pin();
    this.#refCount?.release();
  }
}
