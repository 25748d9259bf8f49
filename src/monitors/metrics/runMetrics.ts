import type { BatchInfo, InputInfo } from '../../batch/batchInfo.js';
import { DStreamError } from '../../batch/errors.js';
import type { MonitoredStream, RunMonitor } from '../../batch/monitoring/streamMonitor.js';
import type { MetricKey } from './metricTable.js';

/** Where counts and durations go: the registry of Prometheus, the meter of OpenTelemetry. */
export interface Instruments {
  /** Adds to a counter. */
  add(metric: MetricKey, labels: Readonly<Record<string, string>>, value: number): void;
  /** Records a duration in a histogram, in seconds. */
  observe(metric: MetricKey, labels: Readonly<Record<string, string>>, seconds: number): void;
}

const ms = 1_000;

/** Counts and times what happens in one subscription. */
export function runMetrics(stream: MonitoredStream, instruments: Instruments): RunMonitor {
  const planned = new Set<number>();
  const { add, observe } = instruments;
  if (stream.attempt > 0) add('restarts', {}, 1);
  return {
    planned: ({ time }) => void planned.add(time),
    fetched: ({ source, broker, bytes, duration, throttleTime }) => {
      observe('fetch', { source, broker }, duration / ms);
      if (bytes > 0) add('fetchBytes', { source, broker }, bytes);
      if (throttleTime > 0) add('throttle', { source, broker }, throttleTime / ms);
    },
    stage: (stage, work) => {
      // Fetch and dispatch are in the `BatchInfo`, without the time that a batch waited in between.
      if (stage.kind !== 'dispatch') {
        stage.onEnd(({ startTime, endTime }) => observe('stage', { stage: stage.kind }, (endTime - startTime) / ms));
      }
      return work();
    },
    completed: (info) => {
      planned.delete(info.time);
      add('batches', { result: 'completed' }, 1);
      observe('processing', {}, info.processingDelay / ms);
      observe('schedulingDelay', {}, info.schedulingDelay / ms);
      observe('totalDelay', {}, info.totalDelay / ms);
      observe('stage', { stage: 'fetch' }, info.fetchDelay / ms);
      observe('stage', { stage: 'dispatch' }, info.dispatchDelay / ms);
      countInputs(info, instruments);
    },
    failed: ({ time, stage, error }) => {
      add('errors', { code: error instanceof DStreamError ? error.code : 'other', stage }, 1);
      if (time !== undefined && planned.delete(time)) add('batches', { result: 'failed' }, 1);
    },
    retried: ({ operator, id = '' }) => add('partitionRetries', { operator, id }, 1),
    deadLettered: ({ operator, id = '', records }) => add('deadLetters', { operator, id }, records),
    sent: (event) => {
      if (!('error' in event) && event.records > 0) add('sent', { topic: event.topic }, event.records);
    },
    synced: ({ source, duration }) => observe('walSync', { source }, duration / ms),
    ended: () => {
      if (planned.size > 0) add('batches', { result: 'aborted' }, planned.size);
    },
  };
}

function countInputs({ inputs }: BatchInfo, { add }: Instruments): void {
  for (const [source, input] of Object.entries(inputs)) {
    for (const [topic, share] of sharesByTopic(input)) {
      add('records', { source, topic }, input.records * share);
      if (input.bytes) add('bytes', { source, topic }, input.bytes * share);
    }
    for (const [reason, records] of skippedByReason(input)) add('skipped', { source, reason }, records);
    if (input.overshootBytes) add('overshoot', { source }, input.overshootBytes);
    for (const { topic, partition, from, until } of input.lost ?? []) {
      add('lost', { source, topic, partition: String(partition) }, until - from);
    }
  }
}

/** What a source counts without a reason is `other`. */
function skippedByReason({ skipped = 0, skippedBy = {} }: InputInfo): readonly (readonly [string, number])[] {
  const reasons = Object.entries(skippedBy);
  const other = reasons.reduce((left, [, records]) => left - records, skipped);
  return other > 0 ? [...reasons, ['other', other]] : reasons;
}

/** The part of a batch that each topic has, by its offsets. */
function sharesByTopic({ ranges }: InputInfo): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  let total = 0;
  for (const { topic, from, until } of ranges) {
    offsets.set(topic, (offsets.get(topic) ?? 0) + until - from);
    total += until - from;
  }
  if (total === 0) return new Map();
  return new Map(Array.from(offsets, ([topic, count]) => [topic, count / total]));
}
