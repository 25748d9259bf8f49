import { type Observable, Subject, type Subscriber, takeUntil } from 'rxjs';
import { Batch } from '../../batch/batch.js';
import type { BatchContext, BatchRun } from '../../batch/batchContext.js';
import { ForeignStreamError, LateBatchError } from '../../batch/errors.js';
import type { Hold } from '../../batch/hold.js';

/** One of the streams. */
interface Side {
  /** Time of its latest batch in this run. */
  last: number;
  complete: boolean;
}

/** The batches of one context, by the index of their stream. */
interface Row {
  readonly context: BatchContext;
  readonly batches: (Batch<unknown> | undefined)[];
  readonly hold: Hold;
  /** Nobody works on the batch any more: what is missing was swallowed on the way. */
  idle: boolean;
}

/**
 * Brings the batches of several streams of one driver together, in batch order: one row for each context, with an empty
 * batch for a stream that has none.
 *
 *     left   ── a ───────────── c ──          a row is due when each stream has brought its batch, has ended or is past
 *     right  ────── a ── b ─────────          it, or when the batch is idle: an operator on the way (a window between
 *     rows        [a a] [- b] [c -]           two slides, `filterBatches`) has swallowed what is missing
 *
 * The first batch of a context opens its row, and a hold that only waits keeps the context open. Where several batches
 * are open at once, it opens the rows of earlier contexts too: those may still arrive, and come first.
 */
export class Alignment {
  readonly #operator: string;
  readonly #depth: number;
  readonly #subscriber: Subscriber<Batch<readonly Batch<unknown>[]>>;
  readonly #sides: readonly Side[];
  readonly #left = new Subject<void>();
  /** Oldest first. */
  #rows: Row[] = [];
  #run: BatchRun | undefined;
  /** Time of the latest row in this run. */
  #emitted = -Infinity;
  #ready = false;
  #draining = false;
  #closed = false;

  /** `depth`: how many operators of this kind are in a row up to this one. */
  constructor(
    operator: string,
    depth: number,
    count: number,
    subscriber: Subscriber<Batch<readonly Batch<unknown>[]>>,
  ) {
    this.#operator = operator;
    this.#depth = depth;
    this.#subscriber = subscriber;
    this.#sides = Array.from({ length: count }, () => ({ last: -Infinity, complete: false }));
  }

  /** Subscribes to the streams, to the first one last: what its batches wait for is subscribed to by then. */
  start(streams: readonly Observable<Batch<unknown>>[]): void {
    for (const [i, side] of [...this.#sides.entries()].reverse()) {
      if (this.#closed) return;
      this.#ready = i === 0;
      streams[i]?.pipe(takeUntil(this.#left)).subscribe({
        next: (batch) => this.#arrived(i, side, batch),
        error: (error: unknown) => this.#fail(error),
        complete: () => {
          side.complete = true;
          this.#drain();
        },
      });
    }
    this.#drain();
  }

  /** Unsubscribed: abandons the batches that wait here. */
  close(): void {
    if (!this.#closed) this.#end((hold) => hold.abandon());
  }

  #arrived(i: number, side: Side, batch: Batch<unknown>): void {
    if (this.#closed) return;
    const { context } = batch;
    try {
      this.#enter(context.run);
      if (context.time <= Math.max(this.#emitted, side.last)) throw new LateBatchError(this.#operator, context.time);
      side.last = context.time;
      this.#rowOf(context).batches[i] = batch;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#drain();
  }

  /** A run that failed is replaced by another when a `retry()` further up restarts all the streams. */
  #enter(run: BatchRun): void {
    if (run === this.#run) return;
    if (this.#run && !this.#run.closed) throw new ForeignStreamError(this.#operator);
    this.#run = run;
    this.#emitted = -Infinity;
    for (const side of this.#sides) side.last = -Infinity;
  }

  #rowOf(context: BatchContext): Row {
    const known = this.#rows.find((row) => row.context === context);
    if (known) return known;
    for (const earlier of context.run.open) {
      if (earlier.time < context.time && earlier.time > this.#emitted) this.#rowAt(earlier);
    }
    return this.#rowAt(context);
  }

  #rowAt(context: BatchContext): Row {
    const place = this.#rows.findLastIndex(({ context: { time } }) => time <= context.time);
    const before = this.#rows[place];
    if (before?.context === context) return before;
    const row: Row = {
      context,
      batches: this.#sides.map(() => undefined),
      hold: context.wait({
        depth: this.#depth,
        idle: () => {
          row.idle = true;
          this.#drain();
        },
        aborted: () => {
          this.#rows = this.#rows.filter((other) => other !== row);
        },
      }),
      idle: false,
    };
    this.#rows.splice(place + 1, 0, row);
    return row;
  }

  /** Emits the rows that are due, oldest first, and completes when no more can come. */
  #drain(): void {
    // A row that is emitted may make others due: the loop that is running emits them.
    if (this.#draining || !this.#ready || this.#closed) return;
    this.#draining = true;
    for (let row = this.#rows[0]; row && this.#isDue(row) && !this.#closed; row = this.#rows[0]) {
      this.#rows.shift();
      this.#emit(row);
      row.hold.release();
    }
    this.#draining = false;
    if (this.#rows.length > 0 || this.#closed || !this.#sides.every(({ complete }) => complete)) return;
    this.#closed = true;
    this.#subscriber.complete();
  }

  #isDue({ idle, context, batches }: Row): boolean {
    return idle || this.#sides.every(({ complete, last }, i) => batches[i] || complete || last > context.time);
  }

  #emit({ context, batches }: Row): void {
    this.#emitted = context.time;
    if (!batches.some((batch) => batch)) return;
    const row = Array.from(batches, (batch) => batch ?? new Batch<unknown>([], context));
    this.#subscriber.next(new Batch([{ index: 0, records: [row] }], context));
  }

  /**
   * First the waiting batches fail: other subscribers of their driver must see this error as the cause. Then the streams are
   * unsubscribed, and only then is the error passed on: a `retry()` must find that the driver has ended, and start it again.
   */
  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#end((hold) => hold.fail(error));
    this.#subscriber.error(error);
  }

  #end(settle: (hold: Hold) => void): void {
    this.#closed = true;
    for (const { hold, batches } of this.#rows.splice(0)) {
      if (batches.some((batch) => batch)) settle(hold);
      else hold.release();
    }
    this.#left.next();
  }
}
