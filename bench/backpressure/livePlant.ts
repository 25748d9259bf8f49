import { type BatchInfo, costModel, foreachBatch, pid, type RateControllerFactory } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { burnUntil } from './burn.js';

/** What a batch costs, in microseconds of the processor. */
export interface LiveCost {
  readonly fixed: number;
  readonly perRecord: number;
}

export interface LivePlant {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Batch interval, ms. */
  readonly interval: number;
  readonly initialRate: number;
  readonly batches: number;
  /** By the number of the batch, from 0. */
  cost(batch: number): LiveCost;
}

export interface LiveBatch {
  readonly records: number;
  readonly lag: number;
  /** From the batch time to the start, in intervals: the processor is busy at ticks too, so planning may wait as well. */
  readonly wait: number;
  /** From start to end, saving included, in intervals. */
  readonly took: number;
  readonly rule: string | undefined;
  readonly rssMb: number;
}

export const liveControllers: Readonly<Record<string, RateControllerFactory>> = { costModel: costModel(), pid: pid() };

/**
 * Runs a controller on a topic, with a map that burns processor time for every record. Each record has its time, counted
 * from the start of the batch: what other work on this machine takes from it is made up by the next ones, as far as it can
 * be, so that what is seen is the controller and not the neighbours.
 */
export function runLive(plant: LivePlant, backpressure: RateControllerFactory): Promise<readonly LiveBatch[]> {
  const { kafka, topic, interval, initialRate } = plant;
  const batches: LiveBatch[] = [];
  let begun = 0;
  let waste = 0;
  const observe = (info: BatchInfo) => {
    batches.push(liveBatchOf(info));
    if (batches.length === plant.batches) void stream.stop({ drainTimeout: 0 });
  };
  const stream = kafkaBatches(kafka, {
    topics: [topic],
    start: 'earliest',
    interval,
    deserialize: (view) => view.valueLength,
    backpressure,
    initialRate,
    batchObserver: { next: observe },
  });
  const map = foreachBatch<number>((records) => {
    if (records.length === 0) {
      begun++;
      return;
    }
    const { fixed, perRecord } = plant.cost(begun++);
    const start = performance.now() + fixed / 1_000;
    for (let i = 1; i <= records.length; i++) waste ^= burnUntil(start + (perRecord * i) / 1_000);
  });
  return new Promise((resolve, reject) => {
    stream.pipe(map).subscribe({ error: reject, complete: () => resolve(waste === 0.5 ? [] : batches) });
  });
}

function liveBatchOf({
  time,
  interval,
  processingStartTime,
  processingDelay,
  saveDelay,
  inputs,
}: BatchInfo): LiveBatch {
  const { records = 0, lag = 0, decision } = inputs.kafka ?? {};
  return {
    records,
    lag,
    wait: (processingStartTime - time) / interval,
    took: (processingDelay + saveDelay) / interval,
    rule: decision?.rule,
    rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
}
