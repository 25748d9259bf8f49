import type { ReceiverSink } from '../receiver.js';

/** What can be made to wait: a socket, a pipe. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** Hands frames over while there is room, and makes their sender wait otherwise. */
export class FramePump<T> {
  readonly #sink: ReceiverSink<T>;
  readonly #flow: Pausable;
  #waiting: { readonly record: T; readonly stored: (() => void) | undefined }[] = [];
  #paused = false;
  #ended: (() => void) | undefined;

  constructor(sink: ReceiverSink<T>, flow: Pausable) {
    this.#sink = sink;
    this.#flow = flow;
  }

  /** `stored` is called when the last of the records is stored, and so are those before it. */
  push(records: readonly T[], stored?: () => void): void {
    const last = records.length - 1;
    for (const [i, record] of records.entries()) {
      this.#waiting.push({ record, stored: i === last ? stored : undefined });
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
      const { record, stored } = this.#waiting[handed++] as { record: T; stored: (() => void) | undefined };
      this.#sink.store(record, stored);
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
