import type { Observer } from 'rxjs';
import { InvalidOptionError } from '../batch/errors.js';
import type { GroupMonitor } from '../batch/monitoring/groupMonitor.js';
import type { MonitoredStream } from '../batch/monitoring/streamMonitor.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkObserver, checkPositiveInteger, withMethods } from '../options/checks.js';
import { gaugeSamples } from './metrics/gaugeSamples.js';
import { type GaugeKey, isGauge, type MetricKey, metrics, secondsBuckets } from './metrics/metricTable.js';
import { runMetrics } from './metrics/runMetrics.js';
import { SeriesLimit } from './metrics/seriesLimit.js';
import { StandbyLags } from './metrics/standbyLags.js';
import { warningsTo } from './metrics/warningsTo.js';

type Labels = Readonly<Record<string, string>>;

/** What a metric of prom-client is created with. */
export interface PrometheusMetricOptions {
  /** The name of the metric, with its prefix. */
  name: string;
  /** What it counts, for readers. */
  help: string;
  /** The names of its labels. */
  labelNames: string[];
  /** The registries that export it. */
  // biome-ignore lint/suspicious/noExplicitAny: any registry of prom-client, whatever its content type
  registers: any[];
}

/** What this monitor needs of prom-client, 15 or later: pass the module itself. */
export interface PrometheusClient {
  // biome-ignore-start lint/suspicious/noExplicitAny: prom-client types label values more narrowly than they are
  /** The class of counters. */
  readonly Counter: new (
    options: PrometheusMetricOptions,
  ) => { inc(labels: any, value?: number): void };
  /** The class of gauges; `collect` runs at each scrape. */
  readonly Gauge: new (
    options: PrometheusMetricOptions & { collect(this: any): void },
  ) => {
    set(labels: any, value: number): void;
    reset(): void;
  };
  /** The class of histograms. */
  readonly Histogram: new (
    options: PrometheusMetricOptions & { buckets: number[] },
  ) => { observe(labels: any, value: number): void };
  /** The global registry. */
  readonly register: PrometheusRegistry;
  // biome-ignore-end lint/suspicious/noExplicitAny: prom-client types label values more narrowly than they are
}

/** A registry of prom-client. */
export interface PrometheusRegistry {
  /** The metric of this name, if one is registered. */
  getSingleMetric(name: string): unknown;
}

/** Options of `prometheusMonitor`. */
export interface PrometheusMonitorOptions {
  /** Your prom-client: `import * as client from 'prom-client'`. */
  readonly client: PrometheusClient;
  /**
   * Where the metrics are registered.
   * @default the global registry of the client
   */
  readonly registry?: PrometheusRegistry | undefined;
  /**
   * What every name begins with.
   * @default 'dstream_'
   */
  readonly prefix?: string | undefined;
  /**
   * Series by partition that a metric may have; beyond it partitions are summed by topic, with `partition=""`; of lag in seconds
   * the largest counts.
   * @default 500
   */
  readonly maxPartitions?: number | undefined;
  /**
   * Receives a message, once, when `maxPartitions` is exceeded.
   * @default `console.warn`
   */
  readonly warningObserver?: Partial<Observer<string>> | undefined;
}

const optionChecks: OptionChecks<PrometheusMonitorOptions> = {
  client: required(withMethods('Counter', 'Gauge', 'Histogram')),
  registry: withMethods('getSingleMetric'),
  prefix: checkPrefix,
  maxPartitions: checkPositiveInteger,
  warningObserver: checkObserver,
};

function checkPrefix(owner: string, option: string, prefix: unknown): void {
  if (typeof prefix === 'string' && /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix)) return;
  throw new InvalidOptionError(owner, option, prefix, 'must be the beginning of a metric name');
}

/**
 * Metrics of streams for Prometheus, with the user's own prom-client. Counters and durations are recorded as they happen and go
 * on over retries; gauges are read from `snapshot()` at the scrape, so that nothing is computed between scrapes, and series of
 * a partition or stream that is gone disappear. One monitor serves many streams: each has its label `stream`. As the `groupObserver` of
 * `kafkaTasks`, too, it has the lag of standbys.
 *
 * Durations are in seconds, sizes in bytes. docs/monitoring.md lists every metric.
 *
 * @throws {InvalidOptionError} when the client is no prom-client, an option is out of its range, or the registry has metrics of
 * these names already
 *
 * @see logMonitor
 * @see health
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 * import { prometheusMonitor } from 'dstream/prometheus';
 * import * as client from 'prom-client';
 *
 * const registry = new client.Registry();
 * fromBatches([['a', 'b']], { interval: 10, name: 'letters', monitors: [prometheusMonitor({ client, registry })] })
 *   .pipe(foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       const text = await registry.getSingleMetricAsString('dstream_records_total');
 *       console.log(text.split('\n').at(-1));
 *     },
 *   });
 * // => dstream_records_total{stream="letters",source="batches",topic="batches"} 2
 * ```
 */
export function prometheusMonitor(options: PrometheusMonitorOptions): GroupMonitor {
  checkOptions('prometheusMonitor', options, optionChecks);
  const { client, prefix = 'dstream_', maxPartitions = 500 } = options;
  const registry = options.registry ?? client.register;
  const streams = new Map<string, MonitoredStream>();
  const described = (key: MetricKey): PrometheusMetricOptions => {
    const { prometheus, labels, help } = metrics[key];
    const name = `${prefix}${prometheus}`;
    if (registry.getSingleMetric(name) !== undefined) {
      throw new InvalidOptionError(
        'prometheusMonitor',
        'registry',
        name,
        'is registered already: use one monitor for all streams',
      );
    }
    return { name, help, labelNames: ['stream', ...labels], registers: [registry] };
  };

  const limit = new SeriesLimit(maxPartitions, warningsTo(options.warningObserver));
  const standbys = new StandbyLags();
  const counters = new Map<MetricKey, { inc(labels: Labels, value: number): void }>();
  const snapshots = oncePerScrape(() => Array.from(streams.values(), (stream) => stream.snapshot()));
  const histograms = new Map<MetricKey, { observe(labels: Labels, value: number): void }>();
  for (const key of Object.keys(metrics) as MetricKey[]) {
    if (isGauge(key)) {
      const gauge = new client.Gauge({
        ...described(key),
        collect: () => {
          gauge.reset();
          for (const { labels, value } of gaugeSamples(key, snapshots(key), limit, standbys)) gauge.set(labels, value);
        },
      });
    } else if (metrics[key].kind === 'counter') counters.set(key, new client.Counter(described(key)));
    else histograms.set(key, new client.Histogram({ ...described(key), buckets: [...secondsBuckets] }));
  }

  return {
    next: (event) => standbys.next(event),
    run: (stream) => {
      streams.set(stream.name, stream);
      const named = (metric: MetricKey, labels: Labels) => limit.ofCounter(metric, { stream: stream.name, ...labels });
      const run = runMetrics(stream, {
        add: (metric, labels, value) => counters.get(metric)?.inc(named(metric, labels), value),
        observe: (metric, labels, seconds) => histograms.get(metric)?.observe(named(metric, labels), seconds),
      });
      return {
        ...run,
        ended: (end) => {
          run.ended?.(end);
          // A stream that failed may come back; of any other the gauges disappear.
          if (end.reason !== 'failed' && streams.get(stream.name) === stream) streams.delete(stream.name);
        },
      };
    },
  };
}

/**
 * A registry collects all gauges in one turn of the event loop: they are read from one snapshot, whose figures belong together. In virtual
 * time several scrapes are one turn: the next one begins with a gauge that has been read.
 */
function oncePerScrape<R>(take: () => R): (gauge: GaugeKey) => R {
  let taken: { readonly value: R; readonly readBy: Set<GaugeKey> } | undefined;
  return (gauge) => {
    if (!taken || taken.readBy.has(gauge)) {
      taken = { value: take(), readBy: new Set() };
      void Promise.resolve().then(() => {
        taken = undefined;
      });
    }
    taken.readBy.add(gauge);
    return taken.value;
  };
}
