import { ReplaySubject, type Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import type { BatchRun } from '../batch/batchContext.js';
import { isInsideEffect } from '../batch/insideEffect.js';
import type { BatchReplays } from './batchReplays.js';
import type { BatchSaver } from './batchSaver.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput } from './driverOutput.js';
import type { DriverResources } from './driverResources.js';
import { mayBeOfRecords } from './failingBatches.js';
import { limitedStep } from './limitedStep.js';
import type { DriverMonitor } from './monitoring/driverMonitor.js';
import type { RunningBatch } from './runningBatch.js';
import type { SerialQueue } from './serialQueue.js';
import type { Finish } from './stopReport.js';
import type { Ticker } from './ticker.js';

/** What there is to end. */
export interface DriverEndingParts {
  readonly run: BatchRun;
  readonly options: Pick<ResolvedDriverOptions, 'scheduler' | 'held'>;
  readonly output: DriverOutput;
  /** What the run waits for, and what ends with it. */
  readonly work: Subscription;
  readonly resources: DriverResources;
  readonly monitor: DriverMonitor;
  readonly ticker: Ticker;
  /** Batches that are planned and not started. */
  readonly planned: SerialQueue<RunningBatch>;
  readonly saver: BatchSaver;
  readonly replays: BatchReplays;
}

interface Stopping {
  /** Whether sources still have something to be planned. */
  readonly draining: boolean;
  /** Whether planned batches are left to the process that opens the checkpoint next. */
  readonly releasing: boolean;
  readonly completed: number[];
  readonly finish: Finish[];
}

/**
 * How a run ends, once: its sources end, or it is stopped, given away, unsubscribed, or fails. Batches are finished first, or aborted; then
 * everything is closed; then all who wait for the end hear of it.
 */
export class DriverEnding {
  readonly #parts: DriverEndingParts;
  /** No batch follows the ones that are due. */
  #sourcesEnded = false;
  /** It plans and sends nothing more. */
  #closed = false;
  /** Everything is closed, too. */
  #isOver = false;
  #stopping: Stopping | undefined;

  constructor(parts: DriverEndingParts) {
    this.#parts = parts;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Whether planned batches are left to the process that opens the checkpoint next. */
  get isReleasing(): boolean {
    return this.#stopping?.releasing === true;
  }

  /** Whether ticks are still wanted. */
  get ticking(): boolean {
    return !(this.#closed || this.#sourcesEnded || this.#stopping?.draining === false);
  }

  sourcesEnded(): void {
    this.#sourcesEnded = true;
    this.#parts.ticker.clear();
  }

  /** The batch of this time got through. */
  saved(time: number): void {
    this.#stopping?.completed.push(time);
  }

  /** Unsubscribed: aborts what is open. Nothing more is sent. */
  unsubscribed(): void {
    this.#shut(() => this.#parts.monitor.ended('unsubscribed'));
  }

  /**
   * Plans no more batches, but of what sources have gathered, finishes those that are planned, completes the output, then calls `finish`. The
   * function of an output that calls it may be about to wait for it, and the stream for that function: `finish` is called at once.
   */
  stop(drainTimeout: number, finish: Finish): void {
    const callers = isInsideEffect(this.#parts.run) ? [] : [finish];
    if (this.#isOver) {
      finish({ completed: [], aborted: [] });
      return;
    }
    if (this.#stopping) this.#stopping.finish.push(...callers);
    // One that has failed does not start again now, once it is closed.
    else if (this.#closed) this.#stopping = { draining: false, releasing: false, completed: [], finish: callers };
    else this.#stopAfter(drainTimeout, callers);
    if (callers.length === 0) finish({ completed: [], aborted: [], unfinished: this.#unfinished });
  }

  /**
   * Finishes the batches that are open and no others: those that are planned stay in the checkpoint, for the process that opens it next. Then
   * completes the output, and calls `finish`.
   */
  release(drainTimeout: number, finish: Finish): void {
    if (this.#closed || this.#stopping) this.stop(drainTimeout, finish);
    else this.#stopAfter(drainTimeout, [finish], true);
  }

  #stopAfter(drainTimeout: number, finish: Finish[], releasing = false): void {
    const draining = !releasing && this.#parts.resources.stop();
    this.#stopping = { draining, releasing, completed: [], finish };
    this.#parts.monitor.stopping();
    this.#parts.ticker.clear();
    if (releasing) this.#parts.planned.clear();
    this.#parts.work.add(scheduleAfter(this.#parts.options.scheduler, drainTimeout, () => this.#finish()));
    this.finishWhenDrained();
  }

  /** The times of the batches that are open or planned. */
  get #unfinished(): number[] {
    return [...this.#parts.saver.started, ...this.#parts.planned.waiting].map(({ time }) => time);
  }

  finishWhenDrained(): void {
    const drained = this.#parts.ticker.idle && this.#parts.planned.idle && this.#parts.saver.idle;
    if (drained && !this.ticking) this.#finish();
  }

  #finish(): void {
    this.#shut((closing) => {
      if (closing) {
        this.#notifyFailed(closing.error);
        return;
      }
      this.#parts.monitor.ended(this.#stopping ? 'stopped' : 'completed');
      this.#parts.output.complete();
    });
  }

  /** What fails while closing after a failure is a consequence of it: the first error is the one to report. */
  fail(error: unknown): void {
    const { time, stage } = this.#parts.monitor.originOf(error);
    this.#shut(() => this.#notifyFailed(error), error, mayBeOfRecords(error, stage) ? time : undefined);
  }

  /** A stream that was to stop does not start again. */
  #notifyFailed(error: unknown): void {
    const { time, stage } = this.#parts.monitor.originOf(error);
    const batch = this.#parts.saver.started.find((started) => started.time === time);
    const failed = { error, time, stage, attempts: batch?.attempts ?? 0, records: batch?.records ?? 0 };
    const restart = this.#stopping ? undefined : this.#parts.output.restart?.(failed);
    this.#parts.monitor.failed(error, restart);
    this.#parts.output.error(error, restart);
  }

  /**
   * Aborts what is open and closes everything, so that a `retry()` finds files and locks free; then notifies the output how
   * it ended (with what failed while closing), and then the caller of `stop`. `failed` is the time of the batch whose records are to blame.
   */
  #shut(notify: (closing?: { readonly error: unknown }) => void, cause?: unknown, failed?: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.replays.uncount(this.#parts.saver.started, failed);
    const { started } = this.#parts.saver;
    const aborted = this.#unfinished;
    // The newest first: what waits behind an older batch must know that it is aborted before that one releases it.
    for (const batch of [...started].reverse()) batch.open?.close(cause);
    this.#parts.ticker.close();
    this.#parts.planned.close();
    this.#parts.saver.close();
    this.#parts.work.unsubscribe();
    const closed = (closing?: { readonly error: unknown }) => {
      this.#isOver = true;
      notify(closing);
      for (const finish of this.#stopping?.finish ?? []) {
        finish({ completed: this.#stopping?.completed ?? [], aborted });
      }
      this.#parts.output.closed?.();
    };
    const late = new ReplaySubject<void>(1);
    const limit = limitedStep(this.#parts.options, 'closing', () => late.next());
    limit.add(
      this.#parts.resources.close(late).subscribe({
        error: (error: unknown) => {
          limit.unsubscribe();
          closed({ error });
        },
        complete: () => {
          limit.unsubscribe();
          closed();
        },
      }),
    );
  }
}
