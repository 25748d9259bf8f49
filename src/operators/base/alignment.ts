import { type Observable, Subject, type Subscriber, takeUntil } from 'rxjs';
import { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { BatchOrigin } from '../../batch/batchOrigin.js';
import { CombinedContext, partsOf } from '../../batch/combinedContext.js';
import { IntervalMismatchError, LateBatchError } from '../../batch/errors.js';
import type { Hold } from '../../batch/hold.js';
import { OpenBatch } from '../../batch/openBatch.js';
import { findUpstream } from '../../batch/upstream.js';

/** One of the streams. */
interface Side {
  /** Batches whose partners have not come yet, oldest first. */
  readonly waiting: Batch<unknown>[];
  /** The drivers it is known to stand on. */
  readonly origins: Set<BatchOrigin>;
  /** Time of its latest batch. */
  last: number;
  complete: boolean;
}

/** A batch of one driver that is open: held until nobody works on it and nothing of it waits here. */
interface Tracked {
  readonly hold: Hold;
  readonly origin: BatchOrigin | undefined;
  readonly stop: () => void;
  idle: boolean;
}

/** A row that cannot be whole any more: a driver gave a batch of it up. */
interface LostRow {
  /** The streams that owe a batch. */
  readonly sides: Set<Side>;
  /** What had come of them; other drivers may hold a part of it. */
  batches: readonly Batch<unknown>[];
}

/**
 * Brings the batches of several streams together by batch time, in order: one row a time, with an empty batch for a
 * stream that has none.
 *
 * A row is due when no stream can bring a batch of that time any more. Its batch may have been swallowed on the way (by a
 * window, by `filterBatches`), so waiting for it could last for ever. Therefore the drivers are watched: once the driver
 * has opened its batch of that time and nobody works on it, what has not come will not come. The drivers of a stream are
 * found when it is subscribed to, and from its batches. While nothing is known of a stream (it is shared, and ran
 * before), it may stand on any of the drivers that are known from the others.
 *
 * A batch that its driver gave up (it failed) is no batch that will not come: its partners must not go on as if it were
 * empty. They wait for what the stream does next. An error fails them too; the same batch again (a `retry()` further up
 * restored it) makes the row whole; anything else gives them up.
 */
export class Alignment {
  readonly #operator: string;
  readonly #subscriber: Subscriber<Batch<readonly Batch<unknown>[]>>;
  readonly #sides: readonly Side[];
  readonly #left = new Subject<void>();
  readonly #watched = new Map<BatchOrigin, () => void>();
  readonly #tracked = new Map<BatchContext, Tracked>();
  readonly #lost = new Map<number, LostRow>();
  /** Operators of this kind further up: what they still wait for may come here. */
  readonly #upstream = new Set<Alignment>();
  #interval: number | undefined;
  #answered = -Infinity;
  #ready = false;
  #draining = false;
  #closed = false;

  constructor(operator: string, count: number, subscriber: Subscriber<Batch<readonly Batch<unknown>[]>>) {
    this.#operator = operator;
    this.#subscriber = subscriber;
    this.#sides = Array.from({ length: count }, () => ({
      waiting: [],
      origins: new Set<BatchOrigin>(),
      last: -Infinity,
      complete: false,
    }));
  }

  /** Subscribes to the streams. The first comes last: by then all that its batches wait for is there. */
  start(streams: readonly Observable<Batch<unknown>>[]): void {
    for (const [i, side] of [...this.#sides.entries()].reverse()) {
      if (this.#closed) return;
      this.#ready = i === 0;
      const subscribe = (): void => {
        streams[i]?.pipe(takeUntil(this.#left)).subscribe({
          next: (batch) => this.#arrived(side, batch),
          error: (error: unknown) => this.#fail(error),
          complete: () => {
            side.complete = true;
            this.#drain();
          },
        });
      };
      findUpstream(subscribe, (part) => {
        if (part instanceof BatchOrigin) this.#watch(side, part);
        else if (part instanceof Alignment) this.#upstream.add(part);
      });
    }
    this.#drain();
  }

  /** Unsubscribed: what waits here is given up, the rest is none of our business any more. */
  close(): void {
    if (this.#closed) return;
    this.#end((hold) => hold.abandon());
    this.#left.next();
  }

  // ---- what happens

  #watch(side: Side, origin: BatchOrigin): void {
    side.origins.add(origin);
    if (this.#watched.has(origin) || this.#closed) return;
    const watcher = { opened: (batch: OpenBatch) => this.#track(batch), ended: () => this.#drain() };
    this.#watched.set(origin, origin.watch(watcher));
  }

  #arrived(side: Side, batch: Batch<unknown>): void {
    if (this.#closed) return;
    const { time, maxInterval } = batch.context;
    const interval = maxInterval ?? batch.context.interval;
    try {
      this.#forgetFailedDrivers(side);
      for (const part of partsOf(batch.context)) {
        this.#track(part);
        if (part instanceof OpenBatch && part.origin) this.#watch(side, part.origin);
      }
      side.waiting.push(batch);
      if (time <= Math.max(this.#answered, side.last)) throw new LateBatchError(this.#operator, time);
      side.last = time;
      this.#replaced(side, time);
      this.#interval ??= interval;
      if (interval !== this.#interval) throw new IntervalMismatchError(this.#operator, [this.#interval, interval]);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#drain();
  }

  #track(context: BatchContext): void {
    if (this.#tracked.has(context) || this.#closed) return;
    const open = context instanceof OpenBatch ? context : undefined;
    this.#tracked.set(context, {
      hold: context.hold('wait', () => this.#aborted(context)),
      origin: open?.origin,
      stop: open?.onIdle(() => this.#idle(context)) ?? (() => {}),
      // Of a foreign context nothing can be known: it is held only while something of it waits.
      idle: open === undefined,
    });
  }

  #idle(context: BatchContext): void {
    const tracked = this.#tracked.get(context);
    // Those further up first: what they pass on now may come here. Their leaving makes the batch idle once more.
    if (!tracked || [...this.#upstream].some((other) => other.#tracked.has(context))) return;
    tracked.idle = true;
    this.#drain();
  }

  // ---- batches that are given up

  #aborted(context: BatchContext): void {
    const idle = this.#tracked.get(context)?.idle ?? true;
    this.#forget(context);
    const { time } = context;
    if (time > this.#answered) {
      const origin = context instanceof OpenBatch ? context.origin : undefined;
      for (const side of this.#sides) {
        const i = side.waiting.findIndex((batch) => partsOf(batch.context).includes(context));
        if (i >= 0) this.#lose(side, time, side.waiting.splice(i, 1));
        else if (!idle && origin && side.origins.has(origin)) this.#lose(side, time, []);
      }
    }
    this.#drain();
  }

  #lose(side: Side, time: number, batches: readonly Batch<unknown>[]): void {
    const row = this.#lost.get(time) ?? { sides: new Set(), batches: [] };
    row.sides.add(side);
    row.batches = [...row.batches, ...batches];
    this.#lost.set(time, row);
    // The same batch may come again.
    side.last = Math.min(side.last, time - 1);
  }

  #replaced(side: Side, time: number): void {
    const row = this.#lost.get(time);
    if (!row?.sides.delete(side) || row.sides.size > 0) return;
    this.#lost.delete(time);
    this.#giveUp(row.batches);
  }

  /** Where a stream that owes a batch went past it, its partners are given up: those that are there, and those to come. */
  #giveUpLost(): void {
    for (const [time, row] of this.#lost) {
      if (![...row.sides].some(({ complete, last }) => complete || last >= time)) continue;
      const { batches } = row;
      row.batches = [];
      this.#giveUp([...batches, ...this.#take(time)]);
    }
  }

  #giveUp(batches: readonly Batch<unknown>[]): void {
    for (const { context } of batches) for (const part of partsOf(context)) this.#forget(part)?.abandon();
  }

  #take(time: number): readonly Batch<unknown>[] {
    return this.#sides.flatMap(({ waiting }) => {
      const i = waiting.findIndex((batch) => batch.context.time === time);
      return i < 0 ? [] : waiting.splice(i, 1);
    });
  }

  /** A driver that failed has been replaced, by a `retry()` further up. */
  #forgetFailedDrivers(side: Side): void {
    for (const origin of side.origins) {
      if (!origin.closed || origin.ended) continue;
      side.origins.delete(origin);
      this.#watched.get(origin)?.();
      this.#watched.delete(origin);
    }
  }

  // ---- rows

  #drain(): void {
    if (this.#draining || !this.#ready || this.#closed) return;
    this.#draining = true;
    for (let time = this.#nextTime(); time !== undefined; time = this.#nextTime()) this.#emit(time);
    this.#draining = false;
    this.#releaseIdle();
    if (this.#sides.every(({ complete, waiting }) => complete && waiting.length === 0)) this.#subscriber.complete();
  }

  /** The oldest time that waits, if its row is due. */
  #nextTime(): number | undefined {
    this.#giveUpLost();
    const times = this.#sides.flatMap(({ waiting: [head] }) => (head ? [head.context.time] : []));
    if (times.length === 0 || this.#closed) return undefined;
    const time = Math.min(...times);
    return this.#lost.has(time) || this.#sides.some((side) => this.#mayCome(side, time)) ? undefined : time;
  }

  #mayCome(side: Side, time: number): boolean {
    if (side.complete || side.last >= time) return false;
    const origins = side.origins.size > 0 ? side.origins : new Set(this.#watched.keys());
    for (const origin of origins) if (!origin.ended && (origin.latest < time || this.#busy(origin, time))) return true;
    return origins.size === 0;
  }

  /** Whether somebody still works on the driver's batch of this time, or on an earlier one that has had no row. */
  #busy(origin: BatchOrigin, time: number): boolean {
    for (const [context, tracked] of this.#tracked) {
      const open = tracked.origin === origin && !tracked.idle;
      if (open && context.time <= time && context.time > this.#answered) return true;
    }
    return false;
  }

  #emit(time: number): void {
    this.#answered = time;
    for (const lost of this.#lost.keys()) if (lost < time) this.#lost.delete(lost);
    const contexts = new Set<BatchContext>();
    const present = this.#sides.map(({ waiting }) => (waiting[0]?.context.time === time ? waiting.shift() : undefined));
    for (const batch of present) if (batch) for (const part of partsOf(batch.context)) contexts.add(part);
    const [first, ...others] = contexts as Set<BatchContext> & Iterable<BatchContext>;
    if (!first) return;
    const context = others.length === 0 ? first : new CombinedContext(first, ...others);
    const row = present.map((batch) => batch ?? new Batch<unknown>([], context));
    this.#subscriber.next(new Batch([{ index: 0, records: [row] }], context));
  }

  // ---- holds

  #forget(context: BatchContext): Hold | undefined {
    const tracked = this.#tracked.get(context);
    this.#tracked.delete(context);
    tracked?.stop();
    return tracked?.hold;
  }

  #waitingContexts(): ReadonlySet<BatchContext> {
    const waiting = [
      ...this.#sides.flatMap((side) => side.waiting),
      ...[...this.#lost.values()].flatMap((row) => row.batches),
    ];
    return new Set(waiting.flatMap(({ context }) => partsOf(context)));
  }

  #releaseIdle(): void {
    for (const [context, tracked] of [...this.#tracked]) {
      // Releasing may complete the batch, and with it start the next one: all of this may have gone on meanwhile.
      if (tracked.idle && !this.#waitingContexts().has(context)) this.#forget(context)?.release();
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#end((hold) => hold.fail(error));
    // First the error, then leaving: the drivers whose effects are given up by that fail too, and are not the cause.
    this.#subscriber.error(error);
    this.#left.next();
  }

  #end(settleWaiting: (hold: Hold) => void): void {
    this.#closed = true;
    const waiting = this.#waitingContexts();
    for (const stop of this.#watched.values()) stop();
    for (const context of [...this.#tracked.keys()]) {
      const hold = this.#forget(context);
      if (hold && waiting.has(context)) settleWaiting(hold);
      else hold?.release();
    }
  }
}
