import { DeserializationError, type MalformedRecordError } from '../../batch/errors.js';
import type { ResolvedLogSourceOptions } from './logSourceOptions.js';
import type { PartitionState } from './partitionState.js';
import type { RecordReader } from './recordReader.js';
import type { RecordTaking } from './recordTaking.js';
import type { RecordView } from './recordView.js';

/** Records are decoded as they are read, and invalid ones dealt with. */
export class DecodedRecords<T> implements RecordTaking<T> {
  readonly elapsed = 0;
  readonly #options: Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'share'>;
  #records = 0;
  #skipped = 0;

  constructor(options: Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'share'>) {
    this.#options = options;
  }

  get records(): number {
    return this.#records;
  }

  get skipped(): number {
    return this.#skipped;
  }

  take(reader: RecordReader, until: number, max: number, state: PartitionState, taken: T[]): void {
    const before = taken.length;
    try {
      reader.read(until, max, this.#visitor(state, taken));
    } finally {
      this.#records += taken.length - before;
    }
  }

  malformed(error: MalformedRecordError, reader: RecordReader): void {
    const { invalidRecords } = this.#options;
    if (invalidRecords === 'error') throw error;
    const { from, until } = reader.skip();
    this.#skipped += until - from;
    if (invalidRecords === 'skip') return;
    const { topic, partition } = error;
    invalidRecords.next({ topic, partition, offset: from, until, error });
  }

  release(): void {}

  #visitor(state: PartitionState, taken: T[]): (view: RecordView) => void {
    if (this.#options.share !== 'oldest') return (view) => this.#decode(view, taken);
    return (view) => {
      state.time = view.timestamp;
      this.#decode(view, taken);
    };
  }

  #decode(view: RecordView, taken: T[]): void {
    let record: T;
    try {
      record = this.#options.deserialize(view);
    } catch (cause) {
      this.#undeserializable(view, cause);
      return;
    }
    taken.push(record);
  }

  #undeserializable(view: RecordView, cause: unknown): void {
    const { invalidRecords } = this.#options;
    const { topic, partition, offset } = view;
    const error = new DeserializationError(topic, partition, offset, { cause });
    if (invalidRecords === 'error') throw error;
    this.#skipped++;
    if (invalidRecords === 'skip') return;
    const key = view.key && Uint8Array.from(view.key);
    const value = view.value && Uint8Array.from(view.value);
    invalidRecords.next({ topic, partition, offset, until: offset + 1, key, value, error });
  }
}
