import { DeserializationError, type MalformedRecordError } from '../../batch/errors.js';
import type { FailedDecoding } from '../source.js';
import type { BatchCursor } from './batchCursor.js';
import type { PartitionState } from './partitionState.js';
import { PendingResults } from './pendingResults.js';
import type { RecordReader } from './recordReader.js';
import type { RecordView } from './recordView.js';
import { refusePromise } from './refusePromise.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import type { TraceParents } from './traceParents.js';

export type DecodingOptions<T> = Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'rateSharing'>;

/** Decodes records as it moves over them, and applies the policy for invalid ones. */
export class EagerCursor<T> implements BatchCursor<T> {
  readonly elapsed = 0;
  readonly pending = new PendingResults();
  readonly #owner: string;
  readonly #options: DecodingOptions<T>;
  readonly #traceParents: TraceParents | undefined;
  readonly skipped = { malformed: 0, deserialization: 0 };
  readonly failed: FailedDecoding[] = [];
  /** By the list of records, where offsets are kept. */
  readonly #offsets: WeakMap<readonly T[], number[]> | undefined;
  #records = 0;
  #bytes = 0;

  /** With `keepOffsets` it notes the offset of each record. */
  constructor(owner: string, options: DecodingOptions<T>, traceParents?: TraceParents, keepOffsets = false) {
    this.#owner = owner;
    this.#options = options;
    this.#traceParents = traceParents;
    if (keepOffsets) this.#offsets = new WeakMap();
  }

  get records(): number {
    return this.#records;
  }

  offsetsOf(records: readonly T[]): readonly number[] | undefined {
    return this.#offsets?.get(records);
  }

  get bytes(): number {
    return this.#bytes;
  }

  advance(reader: RecordReader, until: number, max: number, state: PartitionState, target: T[]): void {
    const before = target.length;
    const bytesBefore = reader.bytesRead;
    const visit = this.#visitor(state, target);
    try {
      reader.read(until, max, bytesBefore === undefined ? this.#counting(visit) : visit);
    } finally {
      this.#records += target.length - before;
      this.#bytes += (reader.bytesRead ?? 0) - (bytesBefore ?? 0);
    }
  }

  skipMalformed(error: MalformedRecordError, reader: RecordReader): void {
    const { invalidRecords } = this.#options;
    if (invalidRecords === 'error') throw error;
    const { from, until } = reader.skip();
    this.skipped.malformed += until - from;
    if (invalidRecords === 'skip') return;
    const { topic, partition } = error;
    this.pending.add(invalidRecords.next({ topic, partition, offset: from, until, error }));
  }

  release(): void {}

  #visitor(state: PartitionState, target: T[]): (view: RecordView) => void {
    const plain = (view: RecordView) => this.#decode(view, target);
    const decode = this.#offsets ? this.#noting(this.#offsets, target) : plain;
    const traced = this.#traceParents?.before(decode) ?? decode;
    if (this.#options.rateSharing !== 'aligned') return traced;
    return (view) => {
      state.time = view.timestamp;
      traced(view);
    };
  }

  #noting(all: WeakMap<readonly T[], number[]>, target: T[]): (view: RecordView) => void {
    const offsets = all.get(target) ?? [];
    all.set(target, offsets);
    return (view) => {
      const before = target.length;
      this.#decode(view, target);
      if (target.length > before) offsets.push(view.offset);
    };
  }

  #counting(visit: (view: RecordView) => void): (view: RecordView) => void {
    return (view) => {
      this.#bytes += Math.max(view.keyLength, 0) + Math.max(view.valueLength, 0);
      visit(view);
    };
  }

  #decode(view: RecordView, target: T[]): void {
    let record: T;
    try {
      record = this.#options.deserialize(view);
    } catch (cause) {
      this.#undeserializable(view, cause);
      return;
    }
    if (typeof record === 'object' && record !== null) {
      refusePromise(this.#owner, this.#options.deserialize, view, record);
    }
    target.push(record);
  }

  #undeserializable(view: RecordView, cause: unknown): void {
    const { invalidRecords } = this.#options;
    const { topic, partition, offset } = view;
    const error = new DeserializationError(topic, partition, offset, { cause });
    if (invalidRecords === 'error' && !this.#offsets) throw error;
    const key = view.key && Uint8Array.from(view.key);
    const value = view.value && Uint8Array.from(view.value);
    if (invalidRecords === 'error') {
      const headers = view.headers.map(([name, bytes]) => [name, bytes && Uint8Array.from(bytes)] as const);
      this.failed.push({ error, origin: { topic, partition, offset, key, value, headers } });
      return;
    }
    this.skipped.deserialization++;
    if (invalidRecords === 'skip') return;
    this.pending.add(invalidRecords.next({ topic, partition, offset, until: offset + 1, key, value, error }));
  }
}
