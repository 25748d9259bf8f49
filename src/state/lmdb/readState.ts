import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import { shortCrc32 } from '../../storage/shortCrc32.js';
import { StateReader } from '../../storage/stateBytes.js';
import { KeyTable } from '../keyTable.js';
import { headFromBytes } from './lmdbEntry.js';
import type { LmdbStateRecord, LmdbStore } from './lmdbStore.js';

/** All of a saved state, oldest key first: read in the order of the tree, which is fast, and put in order of age then. */
export function readState(store: LmdbStore, id: string, { number, size }: LmdbStateRecord): KeyTable<Key, unknown> {
  const place = `${store.directory}, state ${JSON.stringify(id)}`;
  const keys: Key[] = [];
  const seqs: number[] = [];
  let last = 0;
  const reader = new StateReader();
  for (const { key, value } of store.entriesOf(number)) {
    // Damage may make a circle of what is read.
    if (keys.length > size) break;
    const at = shortCrc32(key.bytes, key.end, 0, key.start);
    const { seq, longKey, stateEnd } = headFromBytes(at, value.bytes, value.end, place);
    keys.push(longKey ? keyFromBytes(longKey) : keyFromBytes(key.bytes, key.start + 4, key.end));
    seqs.push(seq);
    if (seq > last) last = seq;
    reader.add(value.bytes, stateEnd);
  }
  if (keys.length !== size) {
    throw new CorruptCheckpointError(place, 0, `it has ${keys.length} keys of a state of ${size}`);
  }
  const states = reader.states();
  const entries = new KeyTable<Key, unknown>();
  for (const i of byAge(seqs, last)) entries.set(keys[i] as Key, states[i]);
  return entries;
}

/** The places of the numbers, lowest number first. None occurs twice; `last` is the highest. */
function byAge(seqs: readonly number[], last: number): Iterable<number> {
  // Where many have gone, a place for each number would take too much room.
  if (last > 4 * seqs.length) return [...seqs.keys()].sort((a, b) => (seqs[a] as number) - (seqs[b] as number));
  const places = new Uint32Array(last + 1);
  for (const [place, seq] of seqs.entries()) places[seq] = place + 1;
  return places.filter((place) => place > 0).map((place) => place - 1);
}
