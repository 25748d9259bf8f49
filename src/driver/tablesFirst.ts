import { partitionKey } from '../batch/topicPartition.js';
import type { Plan } from '../sources/source.js';

/** Notes how far the sources have been read that come first: the others wait until these have reached the end that they had at the start. */
export class TablesFirst {
  /** By the name of a source that is not there yet: the ends of its partitions when it was first planned. */
  readonly #ends = new Map<string, Map<string, number>>();

  /** The source comes first. */
  add(name: string): void {
    this.#ends.set(name, new Map());
  }

  /** Whether the source has still to be read to its end. */
  isBehind(name: string): boolean {
    return this.#ends.has(name);
  }

  /** The next batch of the source; `undefined` when it has ended. */
  planned(name: string, plan: Plan | undefined): void {
    const ends = this.#ends.get(name);
    if (!ends) return;
    // Ranges that begin at the end: what was before is in earlier batches.
    const reached = (plan?.ranges ?? []).every((range, i) => {
      const key = partitionKey(range);
      const end = ends.get(key) ?? plan?.ends?.[i] ?? range.until;
      ends.set(key, end);
      return range.from >= end;
    });
    const away = (plan?.unavailable ?? []).length > 0;
    if (reached && !away) this.#ends.delete(name);
  }
}
