import type { LockOwner } from '../../storage/lockOwner.js';
import type { PlannedBatch, RestoredState, SavedBatch } from '../checkpoint.js';
import type { ChangelogRecord } from './changelog.js';

/** The version of these records; another one is refused. */
export const changelogFormat = 1;

// The first byte of a key says what the record is.
const kind = { owner: 0x6f, progress: 0x70, planned: 0x62, state: 0x73, entry: 0x65 } as const;
/** Of the number of an entry, in front of its state. */
const numberBytes = 6;
/** Of the length of the id in the key of an entry. */
const lengthBytes = 2;

/** The last saved batch, without its changes. */
export type Progress = Omit<SavedBatch, 'changes' | 'dropped'>;
/** What a state is, without its entries. */
export type StateDescription = Omit<RestoredState, 'entries'>;

/** The bytes of an entry in the value of its record, after its number. */
export const stateStart = numberBytes;

/** Where the id begins in the key of the record of an entry. */
export const idStart = 1 + lengthBytes;

/** Where the id ends in the key of a record that begins at `start`, and the key of the entry begins; -1 for a record of another kind. */
export function entryIdEnd(key: Buffer, start: number): number {
  return key[start] === kind.entry ? start + idStart + key.readUInt16BE(start + 1) : -1;
}

/** What a record of a changelog says. Without a value the thing is gone. */
export type ChangelogEntry =
  | { readonly kind: 'owner'; readonly value: LockOwner | undefined }
  | { readonly kind: 'progress'; readonly value: (Progress & { readonly format: number }) | undefined }
  | { readonly kind: 'planned'; readonly time: number; readonly value: PlannedBatch | undefined }
  | { readonly kind: 'state'; readonly id: string; readonly value: StateDescription | undefined }
  | {
      readonly kind: 'entry';
      readonly id: string;
      readonly key: Buffer;
      /** Later keys have greater numbers: they keep the order. */
      readonly value: { readonly number: number; readonly state: Buffer } | undefined;
    };

export function ownerRecord(owner: LockOwner | undefined): ChangelogRecord {
  return { key: Buffer.of(kind.owner), value: owner ? jsonOf(owner) : null };
}

export function progressRecord(progress: Progress): ChangelogRecord {
  return { key: Buffer.of(kind.progress), value: jsonOf({ format: changelogFormat, ...progress }) };
}

export function plannedRecord(time: number, batch?: PlannedBatch): ChangelogRecord {
  return { key: keyOf(kind.planned, String(time)), value: batch ? jsonOf(batch) : null };
}

export function stateRecord(id: string, state?: StateDescription): ChangelogRecord {
  return { key: keyOf(kind.state, id), value: state ? jsonOf(state) : null };
}

/** `key` as bytes, of which equal keys have the same. */
export function entryRecord(id: string, key: Buffer, value?: { number: number; state: Buffer }): ChangelogRecord {
  const idBytes = Buffer.byteLength(id);
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + idBytes + key.length);
  bytes[0] = kind.entry;
  bytes.writeUInt16BE(idBytes, 1);
  bytes.write(id, 1 + lengthBytes);
  key.copy(bytes, 1 + lengthBytes + idBytes);
  if (!value) return { key: bytes, value: null };
  const written = Buffer.allocUnsafe(numberBytes + value.state.length);
  written.writeUIntBE(value.number, 0, numberBytes);
  value.state.copy(written, numberBytes);
  return { key: bytes, value: written };
}

/**
 * What a record says.
 *
 * @throws {RangeError} when it is no record of a changelog
 * @throws {SyntaxError} when its value cannot be read
 */
export function readChangelogRecord({ key, value }: ChangelogRecord): ChangelogEntry {
  const rest = () => key.toString('utf8', 1);
  const read = <T>(): T | undefined => (value ? JSON.parse(value.toString('utf8')) : undefined);
  switch (key[0]) {
    case kind.owner:
      return { kind: 'owner', value: read() };
    case kind.progress:
      return { kind: 'progress', value: read() };
    case kind.planned:
      return { kind: 'planned', time: Number(rest()), value: read() };
    case kind.state:
      return { kind: 'state', id: rest(), value: read() };
    case kind.entry: {
      const start = 1 + lengthBytes;
      const end = start + key.readUInt16BE(1);
      const entry = { kind: 'entry', id: key.toString('utf8', start, end), key: key.subarray(end) } as const;
      if (!value) return { ...entry, value: undefined };
      const number = value.readUIntBE(0, numberBytes);
      return { ...entry, value: { number, state: value.subarray(numberBytes) } };
    }
    default:
      throw new RangeError(`no record of a checkpoint begins with byte ${key[0]}`);
  }
}

function keyOf(first: number, text: string): Buffer {
  return Buffer.concat([Buffer.of(first), Buffer.from(text)]);
}

function jsonOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
