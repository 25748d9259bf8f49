import type { InFlightBatch } from '../backpressure/batchFormation.js';
import type { BatchInfo, InputInfo } from '../batch/batchInfo.js';
import type { OpenBatch } from '../batch/openBatch.js';
import type { RateDecision } from '../batch/rateDecision.js';
import type { Fetched, Plan } from '../sources/source.js';

/** A batch on its way through the driver: planned, then open, then done. Holds numbers only, no records. */
export class RunningBatch {
  readonly time: number;
  readonly interval: number;
  readonly submissionTime: number;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly #decisions: ReadonlyMap<string, RateDecision | undefined>;
  inputs: Readonly<Record<string, InputInfo>> = {};
  open: OpenBatch | undefined;
  processingStartTime: number | undefined;
  dispatchTime = 0;
  dispatchDelay = 0;
  processingEndTime: number | undefined;

  constructor(
    time: number,
    interval: number,
    submissionTime: number,
    plans: ReadonlyMap<string, Plan>,
    decisions: ReadonlyMap<string, RateDecision | undefined> = new Map(),
  ) {
    this.time = time;
    this.interval = interval;
    this.submissionTime = submissionTime;
    this.plans = plans;
    this.#decisions = decisions;
  }

  /** As the rate controller of a source sees it. */
  inFlight(name: string, now: number): InFlightBatch {
    const { time, processingStartTime } = this;
    const runningFor = processingStartTime === undefined ? undefined : now - processingStartTime;
    return { time, records: this.recordsOf(name), runningFor };
  }

  /** Records of a source in this batch: as planned, until they have been read. */
  recordsOf(name: string): number {
    const input = this.inputs[name];
    if (input) return input.records;
    let records = 0;
    for (const { from, until } of this.plans.get(name)?.ranges ?? []) records += until - from;
    return records;
  }

  /** Notes what was read. */
  fetched(fetched: ReadonlyMap<string, Fetched<unknown>>): void {
    const inputs: Record<string, InputInfo> = {};
    for (const [name, plan] of this.plans) {
      const { partitions, ...read }: Fetched<unknown> = fetched.get(name) ?? { partitions: [] };
      const records = read.records ?? partitions.reduce((sum, partition) => sum + partition.records.length, 0);
      inputs[name] = {
        ranges: plan.ranges,
        lag: plan.lag,
        rate: plan.rate,
        decision: this.#decisions.get(name),
        ...read,
        records,
      };
    }
    this.inputs = inputs;
  }

  info(savedTime: number): BatchInfo {
    const { time, interval, submissionTime, inputs } = this;
    const start = this.processingStartTime ?? submissionTime;
    const end = this.processingEndTime ?? start;
    let records = 0;
    for (const input of Object.values(inputs)) records += input.records;
    return {
      time,
      interval,
      submissionTime,
      processingStartTime: start,
      processingEndTime: end,
      schedulingDelay: start - submissionTime,
      processingDelay: end - start - (this.open?.waited ?? 0),
      totalDelay: end - submissionTime,
      fetchDelay: this.dispatchTime - start,
      dispatchDelay: this.dispatchDelay,
      saveDelay: savedTime - end,
      records,
      inputs,
    };
  }
}
