import { Observable } from 'rxjs';
import type { CheckpointCopies, CopyLook } from '../../src/state/checkpoint.js';
import type { StoppableProcess } from './stoppableProcess.js';

/** How copies behave. Times in ms. */
export interface CopiesSetup {
  /** How long one takes to be closed. */
  readonly closing: number;
  /** After how long one ends by itself; `Infinity` for never. */
  readonly lasts: number;
  /** What they say, look by look, over and over. */
  readonly looks: readonly (CopyLook | undefined)[];
}

const lookMs = 50;

/** The copies that a process keeps of the checkpoints of others, in virtual time and without anything in them. */
export class TaskCopies {
  readonly #place: string;
  readonly #process: StoppableProcess;
  readonly #setup: CopiesSetup;
  readonly #open = new Set<string>();
  /** Those that have been whole. */
  readonly #there = new Set<string>();
  /** What a store would refuse: a copy that is used twice at a time. */
  readonly faults: string[] = [];

  constructor(place: string, process: StoppableProcess, setup: CopiesSetup) {
    this.#place = place;
    this.#process = process;
    this.#setup = setup;
  }

  of(id: string): CheckpointCopies {
    return { place: this.#place, exists: () => [this.#there.has(id)], follow: (signal) => this.#follow(id, signal) };
  }

  /** The process opens the checkpoint itself. */
  taken(id: string): void {
    this.#there.add(id);
    // One that takes longer to be closed is not waited for.
    if (this.#open.has(id) && this.#setup.closing < 1_000)
      this.faults.push(`${this.#place} opens ${id} beside its copy`);
  }

  #follow(id: string, signal: AbortSignal): Observable<CopyLook | undefined> {
    const { closing, lasts, looks } = this.#setup;
    return new Observable((subscriber) => {
      if (this.#open.has(id)) this.faults.push(`${this.#place} follows ${id} twice`);
      this.#open.add(id);
      const end = (): void => {
        if (subscriber.closed) return;
        this.#open.delete(id);
        subscriber.complete();
      };
      const look = (count: number): void => {
        if (subscriber.closed || count > 100) return;
        const seen = looks[count % looks.length];
        if (seen?.isWhole) this.#there.add(id);
        subscriber.next(seen);
        this.#process.schedule(() => look(count + 1), lookMs);
      };
      this.#process.schedule(() => look(0), lookMs);
      signal.addEventListener('abort', () => this.#process.schedule(end, closing));
      if (lasts !== Infinity) this.#process.schedule(end, lasts);
    });
  }
}
