import type { ReceiverSink } from '../receiver.js';

/** What can be made to wait: a socket, a pipe. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

interface WaitingFrame<T> {
  readonly record: T;
  readonly stored?: (() => void) | undefined;
  readonly position?: string | undefined;
}

/** Hands frames over while there is room, and makes their sender wait otherwise. */
export class FramePump<T> {
  readonly #sink: ReceiverSink<T>;
  readonly #flow: Pausable;
  #waiting: WaitingFrame<T>[] = [];
  #paused = false;
  #ended: (() => void) | undefined;

  constructor(sink: ReceiverSink<T>, flow: Pausable) {
    this.#sink = sink;
    this.#flow = flow;
  }

  /**
   * @param stored called when the last of the records is stored, and so are those before it
   * @param position where the sender goes on after the last of them, if it can
   */
  push(records: readonly T[], stored?: () => void, position?: string): void {
    const last = records.length - 1;
    for (const [i, record] of records.entries()) {
      this.#waiting.push(i === last ? { record, stored, position } : { record });
    }
    this.#pump();
  }

  /** Calls `done` when everything has been handed over. */
  end(done: () => void): void {
    this.#ended = done;
    this.#pump();
  }

  #pump(): void {
    if (this.#paused) return;
    let handed = 0;
    while (handed < this.#waiting.length && this.#sink.room()) {
      const { record, stored, position } = this.#waiting[handed++] as WaitingFrame<T>;
      if (position === undefined) this.#sink.store(record, stored);
      else this.#sink.storeAt(position, record, stored);
    }
    this.#waiting = this.#waiting.slice(handed);
    if (this.#waiting.length > 0) {
      this.#wait();
      return;
    }
    const done = this.#ended;
    this.#ended = undefined;
    done?.();
  }

  #wait(): void {
    this.#paused = true;
    this.#flow.pause();
    this.#sink.whenRoom(() => {
      this.#paused = false;
      this.#pump();
      if (!this.#paused) this.#flow.resume();
    });
  }
}
