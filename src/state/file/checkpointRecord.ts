import { deserialize, serialize } from 'node:v8';
import type { FinishedSegment, SegmentFormat } from '../../storage/segmentFormat.js';
import type { PlannedBatch, Positions, StateChange } from '../checkpoint.js';

// The payloads in the files of a checkpoint, each written by `v8.serialize`.

/** The first record of a changelog. */
interface BeginRecord {
  readonly kind: 'begin';
  /** Number of the newest snapshot; 0 when there was none. */
  readonly snapshot: number;
  /** The changelogs before it, oldest first, and where each ended. */
  readonly logs: readonly (readonly [number: number, end: number])[];
}

interface PlannedRecord extends PlannedBatch {
  readonly kind: 'planned';
}

/** A complete batch. A snapshot has it too: first without changes, then once more for each slice of a state. */
export interface SavedRecord {
  readonly kind: 'saved';
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  readonly positions: Readonly<Record<string, Positions>>;
  /** Each a `StateChange`, serialized by itself when its batch had been dispatched. */
  readonly changes: readonly Uint8Array[];
  /** The ids of states that were removed, before the changes. */
  readonly dropped?: readonly string[];
}

/** The last record of a snapshot: without it the file is incomplete. */
interface EndRecord {
  readonly kind: 'end';
  /** The newest batch that entries of the snapshot may be of. Absent in files of versions that did not note it. */
  readonly time?: number;
}

export type CheckpointRecord = PlannedRecord | SavedRecord | EndRecord;

export function recordToBytes(record: CheckpointRecord): Buffer {
  return serialize(record);
}

export function recordFromBytes(payload: Uint8Array): CheckpointRecord {
  return deserialize(payload);
}

/** The id of the state that a change is of. */
export function changeIdOf(change: Uint8Array): string {
  return (deserialize(change) as StateChange).id;
}

/** What was in effect when a changelog was begun. */
export interface ChangelogBegin {
  /** Number of the newest snapshot; 0 when there was none. */
  readonly snapshot: number;
  readonly before: readonly FinishedSegment[];
}

export const changelogFormat: SegmentFormat<FinishedSegment, ChangelogBegin> = {
  prefix: 'changelog',
  encode({ snapshot, before }) {
    const begin: BeginRecord = { kind: 'begin', snapshot, logs: before.map(({ number, end }) => [number, end]) };
    return serialize(begin);
  },
  decode(payload) {
    const record: BeginRecord | CheckpointRecord = deserialize(payload);
    if (record.kind !== 'begin') return undefined;
    return { snapshot: record.snapshot, before: record.logs.map(([number, end]) => ({ number, end })) };
  },
  finish: (_, number, end) => ({ number, end }),
};
