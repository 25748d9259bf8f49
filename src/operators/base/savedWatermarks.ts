import type { KeyedState } from '../../batch/keyedState.js';
import type { SavedPartition } from '../../eventtime/partitionWatermark.js';
import type { Watermarks } from '../../eventtime/watermarks.js';

/** The key of the watermark among the partitions, none of which has it. */
const watermarkKey = '';
/** Saved for a watermark of Infinity. */
const allEnded = 'ended';

/** One entry for each partition, and one for the watermark. */
export type SavedWatermark = SavedPartition | number | typeof allEnded;

/** Keeps watermarks in the state of an operator: restores them, and sets the entries that a batch has changed. */
export class SavedWatermarks {
  readonly #state: KeyedState<string, SavedWatermark>;
  readonly #watermarks: Watermarks;
  /** The entries as they are in the state. */
  readonly #partitions = new Map<string, SavedPartition>();
  #watermark: number;

  constructor(state: KeyedState<string, SavedWatermark>, watermarks: Watermarks) {
    this.#state = state;
    this.#watermarks = watermarks;
    const saved = state.get(watermarkKey) as number | typeof allEnded | undefined;
    this.#watermark = saved === undefined ? -Infinity : saved === allEnded ? Infinity : saved;
    for (const [key, entry] of state.entries()) {
      if (key !== watermarkKey) this.#partitions.set(key, entry as SavedPartition);
    }
    if (this.#partitions.size > 0) watermarks.restore(this.#watermark, this.#partitions);
  }

  save(): void {
    for (const partition of this.#watermarks.partitions) {
      const before = this.#partitions.get(partition.key);
      const now = partition.save();
      if (before && isSame(before, now)) continue;
      this.#partitions.set(partition.key, now);
      this.#state.set(partition.key, now);
    }
    const { watermark } = this.#watermarks;
    if (watermark === this.#watermark) return;
    this.#watermark = watermark;
    this.#state.set(watermarkKey, watermark === Infinity ? allEnded : watermark);
  }
}

function isSame(a: SavedPartition, b: SavedPartition): boolean {
  return (
    a.records === b.records &&
    a.newest === b.newest &&
    a.quietSince === b.quietSince &&
    a.ended === b.ended &&
    a.added === b.added &&
    a.rank === b.rank
  );
}
