import type { Attributes, Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import type { MonitoredStream } from '../../batch/monitoring/streamMonitor.js';
import { gaugeSamples } from '../metrics/gaugeSamples.js';
import { type GaugeKey, isGauge, type MetricKey, metrics, secondsBuckets } from '../metrics/metricTable.js';
import type { Instruments } from '../metrics/runMetrics.js';
import type { SeriesLimit } from '../metrics/seriesLimit.js';
import { StandbyLags } from '../metrics/standbyLags.js';
import { type Complete, only } from './attributes.js';
import { attribute, own } from './semconv.js';

type Labels = Readonly<Record<string, string>>;

/** The attribute for a label of the table; the others have the same name after `dstream.`. */
const attributeOf: Readonly<Record<string, string>> = {
  topic: attribute.destination,
  partition: attribute.destinationPartition,
  code: attribute.errorType,
  group: attribute.consumerGroup,
  stream: own.stream,
};

/** What the conventions ask of their own metrics. */
const operations: Readonly<Partial<Record<MetricKey, string>>> = {
  records: 'poll',
  fetch: 'poll',
  processing: 'process',
  sent: 'send',
};

/** The metrics of the table as instruments of a meter. */
export class MeterInstruments {
  readonly #complete: Complete;
  readonly #limit: SeriesLimit;
  readonly #counters = new Map<MetricKey, Counter>();
  readonly #histograms = new Map<MetricKey, Histogram>();
  readonly #streams = new Map<string, MonitoredStream>();
  readonly standbys = new StandbyLags();

  constructor(meter: Meter, complete: Complete, limit: SeriesLimit) {
    this.#complete = complete;
    this.#limit = limit;
    const gauges = new Map<GaugeKey, ObservableGauge>();
    for (const key of Object.keys(metrics) as MetricKey[]) {
      const { kind, opentelemetry, unit, help } = metrics[key];
      const options = { unit, description: help };
      if (isGauge(key)) gauges.set(key, meter.createObservableGauge(opentelemetry, options));
      else if (kind === 'counter') this.#counters.set(key, meter.createCounter(opentelemetry, options));
      else {
        const advice = { explicitBucketBoundaries: [...secondsBuckets] };
        this.#histograms.set(key, meter.createHistogram(opentelemetry, { ...options, advice }));
      }
    }
    meter.addBatchObservableCallback(
      (result) => {
        const snapshots = Array.from(this.#streams.values(), (stream) => stream.snapshot());
        for (const [key, gauge] of gauges) {
          for (const { labels, value } of gaugeSamples(key, snapshots, limit, this.standbys)) {
            result.observe(gauge, value, this.#attributes(key, labels));
          }
        }
      },
      [...gauges.values()],
    );
  }

  /** The instruments of one subscription. */
  of(stream: MonitoredStream): Instruments {
    this.#streams.set(stream.name, stream);
    /** Asked once: it does not change while the stream runs, and a snapshot costs more than a measurement. */
    let asked: { readonly system: string | undefined } | undefined;
    const attributes = (metric: MetricKey, labels: Labels) => {
      if (operations[metric]) asked ??= { system: systemOf(stream) };
      return this.#attributes(metric, this.#limit.ofCounter(metric, { stream: stream.name, ...labels }), asked?.system);
    };
    return {
      add: (metric, labels, value) => this.#counters.get(metric)?.add(value, attributes(metric, labels)),
      observe: (metric, labels, seconds) => this.#histograms.get(metric)?.record(seconds, attributes(metric, labels)),
    };
  }

  /** The gauges of a stream that is over disappear. */
  forget(stream: MonitoredStream): void {
    if (this.#streams.get(stream.name) === stream) this.#streams.delete(stream.name);
  }

  #attributes(metric: MetricKey, labels: Labels, system?: string): Attributes {
    const named = Object.entries(labels).map(([label, value]) => [attributeOf[label] ?? `dstream.${label}`, value]);
    const operation = operations[metric];
    if (operation === undefined) return Object.fromEntries(named);
    const messaging = { [attribute.operationName]: operation, [attribute.system]: system };
    return this.#complete({ ...Object.fromEntries(named), ...messaging });
  }
}

function systemOf(stream: MonitoredStream): string | undefined {
  return only(Object.values(stream.snapshot().inputs).map(({ client }) => client?.system));
}
