import { Fifo } from '../../collections/fifo.js';
import type { BlockPositions } from './writeAheadLog.js';

type Positions = readonly string[];

/**
 * Where receivers go on, such as the id of an event: kept beside the offsets of the records that they belong to, so that a
 * checkpoint has the position of what is saved, and a log that of what is durable.
 */
export class ReceiverPositions {
  readonly #marks = new Fifo<BlockPositions>();
  #arrived: Positions;
  #read: Positions;

  /** Begins where a checkpoint ends. */
  constructor(restored: Positions = []) {
    this.#arrived = restored;
    this.#read = restored;
  }

  /** The records before the offset `until` have arrived, the last of them from this receiver, which goes on from `position`. */
  arrive(index: number, position: string, until: number): BlockPositions {
    const positions = Array.from({ length: Math.max(this.#arrived.length, index + 1) }, (_, i) =>
      i === index ? position : (this.#arrived[i] ?? ''),
    );
    const mark = { until, positions };
    this.recover([mark]);
    return mark;
  }

  /** These were in a log. */
  recover(marks: readonly BlockPositions[]): void {
    for (const mark of marks) {
      this.#arrived = mark.positions;
      this.#marks.push(mark);
    }
  }

  /** Where the receivers go on after the records before this offset, which no batch reads again. */
  readUntil(offset: number): Positions {
    for (let mark = this.#marks.first; mark && mark.until <= offset; mark = this.#marks.first) {
      this.#read = mark.positions;
      this.#marks.shift();
    }
    return this.#read;
  }

  /** Where a receiver that is started goes on; `undefined` at its beginning. */
  resumeFrom(index: number): string | undefined {
    return this.#arrived[index] || undefined;
  }
}
