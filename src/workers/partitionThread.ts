import { MessageChannel, receiveMessageOnPort, Worker, type WorkerOptions } from 'node:worker_threads';
import { LoopSlices } from '../storage/loopSlices.js';
import { besideThis } from './besideThis.js';
import type {
  AnswerPiece,
  PartitionAnswer,
  PartitionPiece,
  PartitionThreadData,
  PartitionWork,
} from './partitionMessages.js';
import { PieceSize } from './pieceSize.js';
import { startSharedThreads } from './threadPriority.js';

/** Why a thread has ended. */
export interface ThreadExit {
  readonly exitCode: number;
  /** The exception that nobody has caught, where that ended it. */
  readonly error?: unknown;
}

/** What a thread tells its pool. */
export interface PartitionThreadEvents {
  answered(answer: PartitionAnswer): void;
  /** It was not sent what structured clone throws `error` for: it has nothing to do. */
  refused(error: unknown): void;
  /** It has ended by itself; called once, and not after `end`. */
  exited(exit: ThreadExit): void;
}

/** A thread that works on one partition at a time. */
export interface PartitionThread {
  send(work: PartitionWork): void;
  /** Ends it, in the middle of whatever it does. */
  end(): void;
}

/** Starts a thread. */
export type StartPartitionThread = (events: PartitionThreadEvents) => PartitionThread;

/** What all threads copy within one turn of the main thread, in ms: its timers and heartbeats pass between. */
const copyingMs = 2;
const slices = new LoopSlices(copyingMs);

/** Threads of Node that import the module at `url`. `entry` is what they run. */
export function partitionThreads(
  url: URL,
  options: WorkerOptions,
  niceness: number,
  entry = besideThis(import.meta.url, 'partitionWorker'),
): StartPartitionThread {
  return (events) => new NodeThread(url, options, niceness, entry, events);
}

class NodeThread implements PartitionThread {
  readonly #events: PartitionThreadEvents;
  readonly #worker: Worker;
  readonly #answers;
  readonly #size = new PieceSize();
  #ended = false;
  /** Pieces of answers that can be taken. */
  #ready = 0;
  #isTaking = false;
  /** Of the answer that it has taken a part of. */
  #records: unknown[] = [];
  #error: unknown;
  #exit: ThreadExit | undefined;

  constructor(url: URL, options: WorkerOptions, niceness: number, entry: URL, events: PartitionThreadEvents) {
    const { port1, port2 } = new MessageChannel();
    const workerData: PartitionThreadData = { url: url.href, niceness, answers: port2 };
    const transferList = [...(options.transferList ?? []), port2];
    startSharedThreads(niceness);
    this.#events = events;
    this.#answers = port1;
    this.#worker = new Worker(entry, { ...options, workerData, transferList });
    this.#worker.on('message', () => {
      this.#ready++;
      if (!this.#isTaking) void this.#take();
    });
    this.#worker.on('error', (failure) => {
      this.#error = failure;
    });
    this.#worker.on('exit', (exitCode) => {
      this.#exit = { exitCode, ...(this.#error !== undefined && { error: this.#error }) };
      if (!this.#isTaking) this.#tellExit();
    });
  }

  send(work: PartitionWork): void {
    void this.#send(work);
  }

  end(): void {
    this.#ended = true;
    this.#answers.close();
    void this.#worker.terminate();
  }

  async #send({ partition: { records, ...partition }, context }: PartitionWork): Promise<void> {
    let from = 0;
    do {
      if (slices.isOver()) await slices.next();
      if (this.#ended) return;
      const piece = records.slice(from, from + this.#size.records);
      const about = from === 0 && { about: { partition, context } };
      from += piece.length;
      const begun = performance.now();
      try {
        this.#worker.postMessage({
          ...about,
          records: piece,
          isLast: from === records.length,
        } satisfies PartitionPiece);
      } catch (error) {
        this.#events.refused(error);
        return;
      }
      this.#size.took(piece.length, performance.now() - begun);
    } while (from < records.length);
  }

  /** Takes what is ready, also of a thread that has just exited. */
  async #take(): Promise<void> {
    this.#isTaking = true;
    for (; this.#ready > 0; this.#ready--) {
      if (slices.isOver()) await slices.next();
      if (this.#ended) return;
      const piece = this.#receive();
      if (piece) this.#took(piece);
    }
    this.#isTaking = false;
    this.#tellExit();
  }

  #receive(): AnswerPiece | undefined {
    try {
      return receiveMessageOnPort(this.#answers)?.message;
    } catch (failure) {
      // A copy that cannot be read.
      this.#error = failure;
      void this.#worker.terminate();
      return undefined;
    }
  }

  #took(piece: AnswerPiece): void {
    if (piece.type !== 'records') {
      this.#records = [];
      this.#events.answered(piece);
      return;
    }
    for (const record of piece.records) this.#records.push(record);
    if (!piece.isLast) return;
    const records = this.#records;
    this.#records = [];
    this.#events.answered({ type: 'records', records });
  }

  #tellExit(): void {
    if (!this.#exit || this.#ended) return;
    this.#answers.close();
    this.#events.exited(this.#exit);
  }
}
