import { partitionKey } from '../batch/topicPartition.js';
import type { Positions } from '../state/checkpoint.js';

/** Where each source goes on after the batches that are complete, by the name of the source. */
export class ReachedPositions {
  readonly #sources = new Map<string, Map<string, Positions[number]>>();

  /** Begins where a checkpoint ends. */
  restore(name: string, positions: Positions): void {
    for (const position of positions) this.#set(name, position);
  }

  /** A batch after which the sources go on here is complete. */
  advance(reached: ReadonlyMap<string, Positions>): void {
    for (const [name, positions] of reached) {
      for (const position of positions) this.#set(name, position);
    }
  }

  of(name: string): ReadonlyMap<string, Positions[number]> {
    return this.#sources.get(name) ?? new Map();
  }

  toRecord(): Readonly<Record<string, Positions>> {
    return Object.fromEntries([...this.#sources].map(([name, positions]) => [name, [...positions.values()]]));
  }

  #set(name: string, position: Positions[number]): void {
    const positions = this.#sources.get(name) ?? new Map<string, Positions[number]>();
    positions.set(partitionKey(position), position);
    this.#sources.set(name, positions);
  }
}
