import type { KeptRecords } from '../../log/recordReader.js';
import type { RecordView } from '../../log/recordView.js';
import type { BufferLoan } from './bufferLoan.js';
import type { OpenRecordBatch, RecordCursor } from './recordCursor.js';

/** The part of a record batch that `KeptSection` goes through: at [`from`, `until`) of the buffer. */
export interface Section {
  readonly bytes: Buffer;
  readonly from: number;
  readonly until: number;
  readonly batch: OpenRecordBatch;
  /** Records below this offset are passed over: the batch begins before what was asked for. */
  readonly position: number;
  readonly count: number;
}

/** A part of a record batch that was read already, to be gone through again. */
export class KeptSection implements KeptRecords {
  readonly #cursor: RecordCursor;
  readonly #section: Section;
  readonly #loan: BufferLoan | undefined;

  /** The cursor may serve many: it is turned to the section when that is read. */
  constructor(cursor: RecordCursor, section: Section, loan: BufferLoan | undefined) {
    this.#cursor = cursor;
    this.#section = section;
    this.#loan = loan;
    loan?.hold();
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
      // As when it was read first.
      if (cursor.offset < position) continue;
      position = cursor.offset + 1;
      visit(cursor);
    }
  }

  release(): void {
    if (this.#cursor.shown) this.#loan?.show();
    this.#loan?.letGo();
  }
}
