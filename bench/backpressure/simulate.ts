import type { BatchFormation, BatchInfo, RateControllerFactory } from 'dstream';
import { costOf, noiseOf, type Plant } from './plant.js';
import { randomOf } from './random.js';

/** A batch as it went through the simulation. Times in ms. */
export interface SimulatedBatch {
  readonly index: number;
  readonly records: number;
  readonly formed: number;
  readonly start: number;
  readonly end: number;
  /** Records still waiting in the source. */
  readonly lag: number;
}

/**
 * Runs a controller on a plant by discrete events: batch k is formed at its tick, (k + 1) intervals, and waits for the one
 * executor. The controller hears of a batch that ended, in order, before the tick at which it has ended. An empty batch
 * costs nothing. Every batch draws its noise, an empty one too, so that all controllers meet the same.
 */
export function simulate(factory: RateControllerFactory, plant: Plant, seed: number): readonly SimulatedBatch[] {
  const random = randomOf(seed);
  const { interval, initialRate } = plant;
  const assumed = initialRate === 'none' ? 1_000 : initialRate;
  const controller = factory({ interval, initialRate: assumed, source: 'simulated' });
  const batches: SimulatedBatch[] = [];
  let lag = plant.backlog;
  let told = 0;
  let free = 0;
  for (let index = 0; index < plant.batches; index++) {
    const now = (index + 1) * interval;
    lag += plant.arrivals?.(index) ?? 0;
    for (let next = batches[told]; next && next.end <= now; next = batches[++told]) {
      controller.completed(infoOf(next, interval), next.records);
    }
    const rate = controller.rate(formationOf(batches.slice(told), now, lag));
    const limit = rate ?? (initialRate === 'none' ? Infinity : initialRate);
    const records = Math.min(Math.floor((limit * interval) / 1_000 + 1e-6), lag);
    lag -= records;
    const noise = noiseOf(plant, random.normal(), random.uniform());
    const start = Math.max(now, free);
    free = start + (records > 0 ? costOf(plant, index, records) * noise : 0);
    batches.push({ index, records, formed: now, start, end: free, lag });
  }
  return batches;
}

function formationOf(open: readonly SimulatedBatch[], now: number, lag: number): BatchFormation {
  const inFlight = open.map(({ formed, records, start }) => ({
    time: formed,
    records,
    runningFor: start < now ? now - start : undefined,
  }));
  return { time: now, now, inFlight, lag };
}

function infoOf({ formed, start, end, records, lag }: SimulatedBatch, interval: number): BatchInfo {
  return {
    time: formed,
    interval,
    submissionTime: formed,
    processingStartTime: start,
    processingEndTime: end,
    schedulingDelay: start - formed,
    processingDelay: end - start,
    totalDelay: end - formed,
    fetchDelay: 0,
    dispatchDelay: end - start,
    saveDelay: 0,
    records,
    inputs: { simulated: { records, ranges: [], lag } },
  };
}
