import type { BatchFormation, InFlightBatch } from '../../backpressure/batchFormation.js';
import type { RateController, RateControllerFactory, RateControllerSetup } from '../../backpressure/rateController.js';
import type { BatchInfo } from '../../batch/batchInfo.js';
import { sumOf } from '../../collections/sumOf.js';

/** What is known of one task. */
interface Member {
  /** Records that waited in it when it was asked last, and for which batch. */
  lag: number;
  askedFor: number;
  /** Records that it may have had for its batches since the controller was asked last. */
  granted: number;
  inFlight: () => readonly InFlightBatch[];
  /** What it has completed since the controller last heard. */
  infos: BatchInfo[];
  records: number;
}

/**
 * One rate controller for all tasks of a process, since they share its processor: with one each, every task would take what it can, and
 * some get many times what others do. Each task gets what waits in it, or an even share where that is too much for all. A task that catches
 * up forms many batches in one interval of the others: together they get the share of one, so that the others keep theirs. The controller
 * hears of a batch when every task has completed one: of their records together, from the first start to the last end.
 */
export class SharedController {
  readonly #factory: RateControllerFactory;
  /** By the id of the task. */
  readonly #members = new Map<string, Member>();
  #controller: RateController | undefined;
  #initialRate = 0;
  #interval = 0;
  /** The rate of the process for the batch of that time. */
  #rate: { readonly time: number; readonly rate: number | undefined } | undefined;

  constructor(factory: RateControllerFactory) {
    this.#factory = factory;
  }

  /** The part of the controller that one task sees. */
  member(task: string, setup: RateControllerSetup): RateController {
    this.#controller ??= this.#factory(setup);
    this.#initialRate = setup.initialRate;
    this.#interval = setup.interval;
    const controller = this.#controller;
    const member: Member = { lag: 0, askedFor: -Infinity, granted: 0, inFlight: () => [], infos: [], records: 0 };
    this.#members.set(task, member);
    return {
      rate: (formation) => this.#share(member, formation),
      completed: (info, records) => {
        member.infos.push(info);
        member.records += records;
        this.#hear();
      },
      explain: () => controller.explain?.(),
    };
  }

  /** The task is not worked on any more. */
  leave(task: string): void {
    if (this.#members.delete(task)) this.#hear();
  }

  #share(member: Member, formation: BatchFormation): number {
    const { time, now, lag } = formation;
    member.lag = lag;
    member.askedFor = time;
    member.inFlight = () => formation.inFlight;
    // What others have waiting is as of the last time that they were asked; one that never was is taken for one like this.
    const lagOf = (one: Member) => (one.askedFor === -Infinity ? lag : one.lag);
    const all = [...this.#members.values()];
    const rate = this.#rateAt(time, now, sumOf(all, lagOf));
    const seconds = this.#interval / 1_000;
    // What is planned and waits for its turn is part of the share: a task that has hung works off no more than the others.
    const had = Math.max(member.granted, waitingRecords(formation.inFlight));
    const level = evenLevel(
      all.map((one) => lagOf(one) + (one === member ? had : 0)),
      rate * seconds,
    );
    const left = Math.max(Math.min(level, rate * seconds) - had, 0);
    member.granted += Math.min(left, lag);
    return left / seconds;
  }

  /** Asked once for each batch time; a task that catches up, with earlier times, has the rate of now. */
  #rateAt(time: number, now: number, lag: number): number {
    if (!this.#rate || time > this.#rate.time) {
      const inFlight = this.#inFlight();
      this.#rate = { time, rate: this.#controller?.rate({ time, now, inFlight, lag }) };
      for (const member of this.#members.values()) member.granted = 0;
    }
    return this.#rate.rate ?? this.#initialRate;
  }

  /** The batches of the tasks, those of one time as one. */
  #inFlight(): readonly InFlightBatch[] {
    const byTime = new Map<number, InFlightBatch>();
    for (const { inFlight } of this.#members.values()) {
      for (const { time, records, runningFor } of inFlight()) {
        const same = byTime.get(time);
        const longest = Math.max(same?.runningFor ?? -1, runningFor ?? -1);
        byTime.set(time, {
          time,
          records: (same?.records ?? 0) + records,
          runningFor: longest < 0 ? undefined : longest,
        });
      }
    }
    return [...byTime.values()].sort((a, b) => a.time - b.time);
  }

  #hear(): void {
    const members = [...this.#members.values()];
    if (members.length === 0 || members.some(({ infos }) => infos.length === 0)) return;
    const infos = members.flatMap((member) => member.infos);
    const records = sumOf(members, (member) => member.records);
    for (const member of members) {
      member.infos = [];
      member.records = 0;
    }
    this.#controller?.completed(together(infos), records);
  }
}

function waitingRecords(inFlight: readonly InFlightBatch[]): number {
  return sumOf(inFlight, ({ records, runningFor }) => (runningFor === undefined ? records : 0));
}

/** The most that each may have so that all together have `budget`; `Infinity` where that is enough for everything that waits. */
function evenLevel(lags: readonly number[], budget: number): number {
  let left = budget;
  const ascending = [...lags].sort((a, b) => a - b);
  for (const [i, lag] of ascending.entries()) {
    const share = left / (ascending.length - i);
    if (lag > share) return share;
    left -= lag;
  }
  return Infinity;
}

/** Batches of several tasks as one: a controller learns from it what the process can do. */
function together(infos: readonly BatchInfo[]): BatchInfo {
  const newest = infos.reduce((a, b) => (b.time > a.time ? b : a));
  const start = Math.min(...infos.map(({ processingStartTime }) => processingStartTime));
  const end = Math.max(...infos.map(({ processingEndTime }) => processingEndTime));
  const saved = Math.max(...infos.map(({ processingEndTime, saveDelay }) => processingEndTime + saveDelay));
  // A task that is behind says nothing about how long the others wait.
  const schedulingDelay = Math.min(...infos.map((info) => info.schedulingDelay));
  const { task: _, ...info } = newest;
  return {
    ...info,
    processingStartTime: start,
    processingEndTime: end,
    schedulingDelay,
    processingDelay: end - start,
    totalDelay: schedulingDelay + end - start,
    saveDelay: saved - end,
    records: sumOf(infos, (one) => one.records),
  };
}
