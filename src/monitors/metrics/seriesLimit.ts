import { type GaugeKey, type MetricKey, metrics, type Sample } from './metricTable.js';

type Labels = Readonly<Record<string, string>>;

/** Lag in seconds is not a quantity to add up: the worst partition speaks for its topic. */
const largest: ReadonlySet<MetricKey> = new Set(['behind']);
/** The partition that is furthest behind holds event time back. */
const smallest: ReadonlySet<MetricKey> = new Set(['newestEvent']);

/**
 * Bounds the series by partition that each metric has, for every series costs the server memory: beyond `max` partitions are
 * summed by topic, with an empty partition.
 */
export class SeriesLimit {
  readonly #max: number;
  readonly #warn: (message: string) => void;
  /** The series of each counter by partition. */
  readonly #counted = new Map<MetricKey, Set<string>>();
  #warned = false;

  /** `warn` is called once. */
  constructor(max: number, warn: (message: string) => void) {
    this.#max = max;
    this.#warn = warn;
  }

  /** The labels to count under. */
  ofCounter(metric: MetricKey, labels: Labels): Labels {
    if (labels.partition === undefined) return labels;
    const series = this.#counted.get(metric) ?? new Set();
    this.#counted.set(metric, series);
    const key = JSON.stringify(labels);
    if (series.has(key)) return labels;
    if (series.size < this.#max) {
      series.add(key);
      return labels;
    }
    this.#exceeded();
    return { ...labels, partition: '' };
  }

  ofGauge(metric: GaugeKey, samples: readonly Sample[]): readonly Sample[] {
    if (samples.length <= this.#max || !(metrics[metric].labels as readonly string[]).includes('partition')) {
      return samples;
    }
    this.#exceeded();
    const byTopic = new Map<string, { labels: Labels; value: number }>();
    for (const { labels, value } of samples) {
      const folded = { ...labels, partition: '' };
      const key = JSON.stringify(folded);
      const before = byTopic.get(key);
      if (!before) byTopic.set(key, { labels: folded, value });
      else if (largest.has(metric)) before.value = Math.max(before.value, value);
      else if (smallest.has(metric)) before.value = Math.min(before.value, value);
      else before.value += value;
    }
    return [...byTopic.values()];
  }

  #exceeded(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#warn(`dstream: more than ${this.#max} partitions: metrics by partition are summed by topic (maxPartitions)`);
  }
}
