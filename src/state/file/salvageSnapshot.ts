import type { Directory } from '../../storage/directory.js';
import type { Damage } from '../damage.js';
import { type CheckpointRecord, changeIdOf, recordFromBytes } from './checkpointRecord.js';
import type { SalvagedState } from './salvagedState.js';

/** Reads the records of a snapshot that are whole. */
export async function salvageSnapshot(
  directory: Directory,
  number: number,
  state: SalvagedState,
  damaged: (damage: Damage) => void,
): Promise<{ readonly hasEntries: boolean; readonly hasEnd: boolean; readonly until: number | undefined }> {
  const name = `snapshot-${number}`;
  const place = directory.pathOf(name);
  let waiting: Damage[] = [];
  let before: string | undefined;
  let end: Extract<CheckpointRecord, { readonly kind: 'end' }> | undefined;
  let hasEntries = false;
  const pass = (damage: Pick<Damage, 'offset' | 'until'>, reason: string) => {
    waiting.push({ place, ...damage, reason: `${reason}: entries that have not changed since are left out` });
    state.lose();
  };
  /** What lies between two slices of a state is of that state. */
  const tell = (after: string | undefined) => {
    const id = before !== undefined && before === after ? { state: before } : {};
    for (const damage of waiting) damaged({ ...damage, ...id });
    waiting = [];
  };
  const last = await directory.salvageRecords(
    name,
    {},
    {
      record: (payload, _, offset) => {
        try {
          const record = recordFromBytes(payload);
          state.apply(record);
          if (record.kind === 'end') end = record;
          if (record.kind !== 'saved' || !record.changes[0]) return;
          const id = changeIdOf(record.changes[0]);
          tell(id);
          before = id;
          hasEntries = true;
        } catch (error) {
          pass({ offset }, `a record cannot be read: ${(error as Error).message}`);
        }
      },
      passed: ({ offset, until, records, reason }) => {
        if (records === 0) damaged({ place, offset, until, reason: `${reason}: nothing is lost by it` });
        else pass({ offset, until }, reason);
      },
    },
  );
  if (!end && waiting.length === 0) pass({ offset: last }, 'it ends before its last record');
  tell(undefined);
  return { hasEntries, hasEnd: end !== undefined, until: end?.time };
}
