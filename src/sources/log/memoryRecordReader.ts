import type { EpochStart, RecordReader, RetainedRecords } from './recordReader.js';
import type { RecordHeader, RecordView } from './recordView.js';

/** A record as the log in memory stores it. */
export interface StoredRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly bytes: number;
}

const decoder = new TextDecoder();

/** A view that is moved from record to record. */
class StoredRecordView implements RecordView {
  readonly topic: string;
  readonly partition: number;
  record!: StoredRecord;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get offset(): number {
    return this.record.offset;
  }
  get timestamp(): number {
    return this.record.timestamp;
  }
  get key(): Uint8Array | null {
    return this.record.key;
  }
  get value(): Uint8Array | null {
    return this.record.value;
  }
  get headers(): readonly RecordHeader[] {
    return this.record.headers;
  }
  get keyLength(): number {
    return this.record.key?.length ?? -1;
  }
  get valueLength(): number {
    return this.record.value?.length ?? -1;
  }
  keyText(): string | null {
    return this.record.key && decoder.decode(this.record.key);
  }
  valueText(): string | null {
    return this.record.value && decoder.decode(this.record.value);
  }
}

/** Reads the records of one fetch from the log in memory. Their offsets may have gaps. */
export class MemoryRecordReader implements RecordReader {
  readonly end: number;
  readonly leaderEpochs: readonly EpochStart[];
  readonly #records: readonly StoredRecord[];
  readonly #view: StoredRecordView;
  readonly recordCount: number;
  #next = 0;
  #bytesRead = 0;
  #position: number;
  #newestTimestamp = -Infinity;

  /** `from` is the offset asked for; `records` is not empty; `epochs` are all of the log. */
  constructor(
    topic: string,
    partition: number,
    from: number,
    records: readonly StoredRecord[],
    epochs: readonly EpochStart[] = [],
  ) {
    this.#view = new StoredRecordView(topic, partition);
    this.#records = records;
    this.recordCount = records.length;
    this.#position = from;
    const end = (records.at(-1)?.offset ?? from - 1) + 1;
    this.end = end;
    const first = epochs.findLastIndex(({ offset }) => offset <= (records[0]?.offset ?? from));
    this.leaderEpochs = epochs.slice(Math.max(first, 0)).filter(({ offset }) => offset < end);
  }

  get position(): number {
    return this.#position;
  }

  get newestTimestamp(): number | undefined {
    return this.#newestTimestamp === -Infinity ? undefined : this.#newestTimestamp;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get done(): boolean {
    return this.#next === this.#records.length;
  }

  get bytesLeft(): number {
    let bytes = 0;
    for (let i = this.#next; i < this.#records.length; i++) bytes += this.#records[i]?.bytes ?? 0;
    return bytes;
  }

  load(): undefined {}

  read(until: number, max: number, visit: (view: RecordView) => void): number {
    let count = 0;
    for (; count < max; count++) {
      const record = this.#records[this.#next];
      if (record === undefined) break;
      if (record.offset >= until) {
        // The offsets in between are a gap.
        this.#position = until;
        break;
      }
      this.#next++;
      this.#position = record.offset + 1;
      this.#bytesRead += record.bytes;
      if (record.timestamp > this.#newestTimestamp) this.#newestTimestamp = record.timestamp;
      this.#view.record = record;
      visit(this.#view);
    }
    return count;
  }

  retain(until: number, max: number, visit: (view: RecordView) => void): RetainedRecords | undefined {
    const from = this.#next;
    const count = this.read(until, max, visit);
    const records = this.#records.slice(from, from + count);
    const view = new StoredRecordView(this.#view.topic, this.#view.partition);
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
    const read = (again: (view: RecordView) => void): void => {
      for (const record of records) {
        view.record = record;
        again(view);
      }
    };
    return count === 0 ? undefined : { count, bytes, read };
  }

  skip(): { readonly from: number; readonly until: number } {
    return { from: this.#position, until: this.#position };
  }
}
