import type { InFlightBatch } from '../backpressure/batchFormation.js';
import type { BatchInfo, InputInfo } from '../batch/batchInfo.js';
import { eventTimeCountsOf, eventTimeProgressOf } from '../batch/eventTimeCounts.js';
import { positionAfter } from '../batch/logIdentity.js';
import type { BatchPlanned, BatchRead, PlannedInput } from '../batch/monitoring/monitorEvents.js';
import type { FailureStage } from '../batch/monitoring/stage.js';
import type { BatchSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { RateDecision } from '../batch/rateDecision.js';
import { ownValue } from '../collections/ownValue.js';
import type { Fetched, Plan } from '../sources/source.js';
import type { Positions } from '../state/checkpoint.js';
import { behindOf } from './behindOf.js';
import type { OpenBatch } from './openBatch.js';
import { portionedPlans } from './portionedPlans.js';

/** What a source without a plan has in a batch. */
export const noPlan: Plan = { ranges: [], lag: 0 };

const noDecisions: ReadonlyMap<string, RateDecision | undefined> = new Map();

/** A batch on its way through the driver: planned, then open, then done. Holds numbers only, no records. */
export class RunningBatch {
  readonly time: number;
  readonly interval: number;
  readonly submissionTime: number;
  #plans: Map<string, Plan>;
  /** Whether it was planned by an earlier run. */
  readonly replayed: boolean;
  /** How often it was started again, as the checkpoint counts it. */
  attempts: number;
  /** Names the partitions that the stream was given when it was planned, where topics are divided by hand. */
  selection: string | undefined;
  /** Whether the present attempt is among them. */
  counted = false;
  readonly #decisions: ReadonlyMap<string, RateDecision | undefined>;
  inputs: Readonly<Record<string, InputInfo>> = {};
  /** Where each source goes on after it, by the name of the source. */
  readonly positions = new Map<string, Positions>();
  #traceParents: readonly string[] = [];
  open: OpenBatch | undefined;
  processingStartTime: number | undefined;
  dispatchTime = 0;
  dispatchDelay = 0;
  processingEndTime: number | undefined;
  /** Whether every hold is released: what is left are its last acts and saving it. */
  released = false;
  /** What is done with it now, and since when, in ms of the scheduler's clock. */
  stage: FailureStage = 'plan';
  since: number;

  /** `plans` are the batch's own from now on. */
  constructor(
    time: number,
    interval: number,
    submissionTime: number,
    plans: Map<string, Plan>,
    decisions: ReadonlyMap<string, RateDecision | undefined> = noDecisions,
    replay?: { readonly attempts: number },
  ) {
    this.time = time;
    this.interval = interval;
    this.submissionTime = submissionTime;
    this.since = submissionTime;
    this.#plans = plans;
    this.#decisions = decisions;
    this.replayed = replay !== undefined;
    this.attempts = replay?.attempts ?? 0;
  }

  get plans(): ReadonlyMap<string, Plan> {
    return this.#plans;
  }

  /** The ranges of a source are others than planned, and final. */
  narrow(name: string, ranges: readonly OffsetRange[]): void {
    const { limits: _, ...plan } = this.#plans.get(name) ?? noPlan;
    this.#plans.set(name, { ...plan, ranges });
  }

  /** It may have only this number of records; the others go to the batches that follow. */
  limit(records: number): void {
    this.#plans = portionedPlans(this.#plans, records);
  }

  enter(stage: FailureStage, now: number): void {
    this.stage = stage;
    this.since = now;
  }

  decisionOf(name: string): RateDecision | undefined {
    return this.#decisions.get(name);
  }

  /** As monitors see it once its ranges are fixed. */
  planned(replayed: boolean): BatchPlanned {
    const inputs = [...this.plans].map(([name, { ranges, lag, rate }]): [string, PlannedInput] => [
      name,
      { ranges, lag, rate, decision: this.#decisions.get(name) },
    ]);
    const { time, interval, submissionTime } = this;
    return { time, interval, submissionTime, replayed, inputs: Object.fromEntries(inputs) };
  }

  /** As monitors see it once its records have been read. */
  read(): BatchRead {
    const { time, interval, submissionTime, inputs } = this;
    const records = Object.values(inputs).reduce((sum, input) => sum + input.records, 0);
    const processingStartTime = this.processingStartTime ?? submissionTime;
    return { time, interval, submissionTime, processingStartTime, records, inputs, traceParents: this.#traceParents };
  }

  /** As a snapshot shows it. */
  snapshot(): BatchSnapshot {
    const { time, records, stage, since } = this;
    return { time, records, stage, since };
  }

  /** Records of all sources; as planned, until they have been read. */
  get records(): number {
    let records = 0;
    for (const name of this.plans.keys()) records += this.recordsOf(name);
    return records;
  }

  /** As the rate controller of a source sees it. */
  inFlight(name: string, now: number): InFlightBatch {
    const { time, processingStartTime } = this;
    const runningFor = processingStartTime === undefined ? undefined : now - processingStartTime;
    return { time, records: this.recordsOf(name), runningFor };
  }

  /** Records of a source in this batch: as planned, until they have been read. */
  recordsOf(name: string): number {
    const input = ownValue(this.inputs, name);
    if (input) return input.records;
    const { ranges, limits } = this.plans.get(name) ?? noPlan;
    let records = 0;
    let i = 0;
    for (const { from, until } of ranges) records += Math.min(until - from, limits?.maxRecords[i++] ?? Infinity);
    return records;
  }

  /** Notes what was read. */
  fetched(fetched: ReadonlyMap<string, Fetched<unknown>>): void {
    const inputs: [string, InputInfo][] = [];
    for (const [name, plan] of this.plans) {
      const {
        partitions,
        progress,
        ranges = plan.ranges,
        lag = plan.lag,
        positions,
        traceParents,
        failed: _,
        ...read
      }: Fetched<unknown> = fetched.get(name) ?? { partitions: [] };
      this.#plans.set(name, { ...plan, ranges });
      this.positions.set(name, positions ?? ranges.map(positionAfter));
      const records = read.records ?? partitions.reduce((sum, partition) => sum + partition.records.length, 0);
      if (traceParents) this.#traceParents = [...this.#traceParents, ...traceParents];
      const input = {
        ranges,
        lag,
        rate: plan.rate,
        decision: this.#decisions.get(name),
        ...read,
        ...(progress && { partitions: progress }),
        records,
      };
      inputs.push([name, input]);
    }
    this.inputs = Object.fromEntries(inputs);
  }

  /** `wallTime` is of the clock of the timestamps of records: it may have been set back, and `savedTime` never is. */
  info(savedTime: number, wallTime: number): BatchInfo {
    const { time, interval, submissionTime } = this;
    const inputs = inputsAt(this.inputs, wallTime);
    const start = this.processingStartTime ?? submissionTime;
    const end = this.processingEndTime ?? start;
    let records = 0;
    for (const input of Object.values(inputs)) records += input.records;
    const eventTime = this.open && eventTimeCountsOf(this.open);
    const eventTimeProgress = this.open && eventTimeProgressOf(this.open);
    const failedRecords = this.open?.recordErrors?.countOf(this.open) ?? 0;
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
      ...(eventTime && { eventTime }),
      ...(eventTimeProgress && { eventTimeProgress }),
      ...(failedRecords > 0 && { failedRecords }),
      ...(this.open?.task && { task: this.open.task }),
      inputs,
    };
  }
}

/** With how far each partition is behind at that time. */
function inputsAt(inputs: Readonly<Record<string, InputInfo>>, now: number): Readonly<Record<string, InputInfo>> {
  if (Object.values(inputs).every(({ partitions }) => partitions === undefined)) return inputs;
  const entries = Object.entries(inputs).map(([name, { partitions, ...input }]) => {
    const at = partitions?.map(({ topic, partition, from, until, end, lag, newestTimestamp }) => {
      const behind = behindOf(lag, newestTimestamp, now);
      return { topic, partition, from, until, end, lag, newestTimestamp, behind };
    });
    return [name, at ? { ...input, partitions: at } : input] as const;
  });
  return Object.fromEntries(entries);
}
