import { EMPTY, from, type ObservableInput } from 'rxjs';
import { ownValue } from '../collections/ownValue.js';
import type { Plan } from '../sources/source.js';
import type { PlannedBatch } from '../state/checkpoint.js';
import { selectionIn } from '../state/plannedSelection.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverResources } from './driverResources.js';
import type { FailingBatches } from './failingBatches.js';
import { restoredPlan } from './plannedRanges.js';
import { RunningBatch } from './runningBatch.js';

export interface BatchReplaysParts {
  readonly options: Pick<ResolvedDriverOptions, 'onBatchError' | 'retry'>;
  readonly sources: readonly string[];
  readonly resources: DriverResources;
  readonly failing: FailingBatches | undefined;
  /** Saves the plan of a batch. */
  readonly save: (batch: RunningBatch) => ObservableInput<unknown>;
}

/**
 * The batches that an earlier run has planned. Where a batch can be given up, the checkpoint counts how often it was started again:
 * that may be what ended the process.
 */
export class BatchReplays {
  readonly #parts: BatchReplaysParts;

  constructor(parts: BatchReplaysParts) {
    this.#parts = parts;
  }

  /** The batch, with the part of its records that it may have. */
  batchOf(planned: PlannedBatch, now: number): RunningBatch {
    const { time, interval, ranges, attempts = 0 } = planned;
    const { options, sources, resources, failing } = this.#parts;
    const runs = new Map(resources.runs);
    const plans = sources.map((name): [string, Plan] => {
      const plan = restoredPlan(ownValue(ranges, name) ?? []);
      return [name, { ...plan, lag: runs.get(name)?.lagBeyond?.(plan.ranges) ?? 0 }];
    });
    const batch = new RunningBatch(time, interval, now, new Map(plans), undefined, { attempts });
    batch.selection = selectionIn(planned, sources);
    if (!failing) return batch;
    // The first start was not counted. What ended the process has failed too, though nobody could say so.
    const isExhausted = this.#counts && attempts >= Math.max(options.retry?.count ?? Infinity, 1);
    if (isExhausted && !failing.isReduced(time)) failing.reduce(time, batch.records);
    const portion = failing.portionOf(time);
    if (portion > 0 && portion < Infinity) batch.limit(portion);
    return batch;
  }

  /** Whether attempts on this batch are counted. */
  counts(batch: RunningBatch): boolean {
    return batch.replayed && this.#counts;
  }

  /** Counts an attempt, before it begins. */
  count(batch: RunningBatch): ObservableInput<unknown> {
    batch.counted = true;
    batch.attempts++;
    return this.#parts.save(batch);
  }

  /**
   * Takes the attempt of a complete batch back, before it is saved: a save that fails is not its fault. Afterwards would be too late,
   * since a plan that is written then may outlive the batch.
   */
  passed(batch: RunningBatch): ObservableInput<unknown> {
    return batch.counted ? this.#takeBack(batch) : EMPTY;
  }

  /** Takes the attempts of all batches back but of the one that failed: they were only in the way of a stop or of that failure. */
  uncount(started: readonly RunningBatch[], failed: number | undefined): void {
    for (const batch of started) {
      if (batch.counted && batch.time !== failed) from(this.#takeBack(batch)).subscribe({ error: () => {} });
    }
  }

  #takeBack(batch: RunningBatch): ObservableInput<unknown> {
    batch.counted = false;
    batch.attempts--;
    return this.#parts.save(batch);
  }

  get #counts(): boolean {
    const { options, resources } = this.#parts;
    return options.onBatchError !== 'fail' && Number.isFinite(options.retry?.count) && resources.session !== undefined;
  }
}
