import { type Meter, metrics, type Tracer, trace } from '@opentelemetry/api';
import type { Observer } from 'rxjs';
import type { GroupMonitor } from '../batch/monitoring/groupMonitor.js';
import type { RunMonitor } from '../batch/monitoring/streamMonitor.js';
import { version } from '../batch/version.js';
import { checkOptions, type OptionChecks, required, shape } from '../options/checkOptions.js';
import {
  checkBoolean,
  checkNonNegativeInteger,
  checkObserver,
  checkPositiveInteger,
  oneOf,
  withMethods,
} from '../options/checks.js';
import { runMetrics } from './metrics/runMetrics.js';
import { SeriesLimit } from './metrics/seriesLimit.js';
import { warningsTo } from './metrics/warningsTo.js';
import { completeAttributes } from './opentelemetry/attributes.js';
import { MeterInstruments } from './opentelemetry/meterInstruments.js';
import { RunSpans } from './opentelemetry/runSpans.js';
import { schemaUrl } from './opentelemetry/semconv.js';
import { SpanOutcome } from './opentelemetry/spanOutcome.js';

/** Options of `opentelemetryMonitor`. */
export interface OpentelemetryMonitorOptions {
  /**
   * Makes the spans.
   * @default the tracer `dstream` of the global provider
   */
  readonly tracer?: Tracer | undefined;
  /**
   * Makes the instruments of the metrics.
   * @default the meter `dstream` of the global provider
   */
  readonly meter?: Meter | undefined;
  /**
   * Links each batch to the spans of the producers, which `traceparent` headers of its records name: distinct ones, first come,
   * at most `max`. Default: no links, and no header is read.
   */
  readonly links?:
    | {
        /** A positive integer. */
        readonly max: number;
      }
    | undefined;
  /**
   * `messaging/dup` also writes the attributes that version 1.45.0 of the conventions calls deprecated.
   * @default 'messaging/dup' where the environment variable `OTEL_SEMCONV_STABILITY_OPT_IN` lists it, else 'messaging'
   */
  readonly semconv?: 'messaging' | 'messaging/dup' | undefined;
  /**
   * Whether spans have the messages of errors. They may quote records: `"oops" is not valid JSON`.
   * @default false
   */
  readonly showErrors?: boolean | undefined;
  /**
   * Series by partition that a metric may have; beyond it partitions are summed by topic, with an empty partition; of lag in
   * seconds the largest counts.
   * @default 500
   */
  readonly maxPartitions?: number | undefined;
  /**
   * Receives a message, once, when `maxPartitions` is exceeded.
   * @default `console.warn`
   */
  readonly warningObserver?: Partial<Observer<string>> | undefined;
}

const optionChecks: OptionChecks<OpentelemetryMonitorOptions> = {
  tracer: withMethods('startSpan'),
  meter: withMethods('createObservableGauge'),
  links: shape<{ max: number }>({ max: required(checkNonNegativeInteger) }),
  semconv: oneOf('messaging', 'messaging/dup'),
  showErrors: checkBoolean,
  maxPartitions: checkPositiveInteger,
  warningObserver: checkObserver,
};

/**
 * Traces and metrics of streams for OpenTelemetry. A batch with records is a trace: a span `process TOPIC`, with one for each
 * request, the dispatch, each effect, save and commit below it. The span of an effect is active while the user's function runs, so
 * that its database calls are traced below it. There is no span for a record, and none for an empty batch. The metrics are those
 * of `prometheusMonitor`, under the names of the conventions.
 *
 * One monitor serves many streams. As the `groupObserver` of `kafkaTasks`, too, it has the lag of standbys. docs/monitoring.md lists spans, attributes and metrics.
 *
 * @throws {InvalidOptionError} when the tracer is no tracer, the meter no meter, or an option is out of its range
 *
 * @see logMonitor
 * @see health
 *
 * @example
 * ```ts
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
 * import { foreachBatch, fromBatches } from 'dstream';
 * import { opentelemetryMonitor } from 'dstream/opentelemetry';
 *
 * const exporter = new InMemorySpanExporter();
 * const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
 * const monitor = opentelemetryMonitor({ tracer: provider.getTracer('dstream') });
 * fromBatches([['a', 'b']], { interval: 10, name: 'letters', monitors: [monitor] })
 *   .pipe(foreachBatch(() => {}))
 *   .subscribe({ complete: () => console.log(exporter.getFinishedSpans().map(({ name }) => name)) });
 * // => [ 'foreachBatch', 'dispatch', 'save', 'process batches' ]
 * ```
 */
export function opentelemetryMonitor(options: OpentelemetryMonitorOptions = {}): GroupMonitor {
  checkOptions('opentelemetryMonitor', options, optionChecks);
  const { links, showErrors = false, maxPartitions = 500, semconv = semconvOfEnvironment() } = options;
  const tracer = options.tracer ?? trace.getTracerProvider().getTracer('dstream', version, { schemaUrl });
  const meter = options.meter ?? metrics.getMeter('dstream', version, { schemaUrl });
  const complete = completeAttributes(semconv === 'messaging/dup');
  const limit = new SeriesLimit(maxPartitions, warningsTo(options.warningObserver));
  const instruments = new MeterInstruments(meter, complete, limit);
  const outcome = new SpanOutcome(complete, showErrors);
  return {
    next: (event) => instruments.standbys.next(event),
    run: (stream) => {
      const spans = new RunSpans(stream, tracer, outcome, links?.max ?? 0);
      const counts = runMetrics(stream, instruments.of(stream));
      const run = together(spans, counts);
      return {
        ...run,
        ended: (end) => {
          run.ended?.(end);
          // A stream that failed may come back.
          if (end.reason !== 'failed') instruments.forget(stream);
        },
      };
    },
  };
}

function semconvOfEnvironment(): 'messaging' | 'messaging/dup' {
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const optIns = process?.env?.OTEL_SEMCONV_STABILITY_OPT_IN?.split(',').map((name) => name.trim());
  return optIns?.includes('messaging/dup') ? 'messaging/dup' : 'messaging';
}

/** Two monitors as one. */
function together(spans: RunSpans, counts: RunMonitor): RunMonitor {
  return {
    maxTraceParents: spans.maxTraceParents,
    planned: (event) => {
      spans.planned(event);
      counts.planned?.(event);
    },
    fetched: (event) => {
      spans.fetched(event);
      counts.fetched?.(event);
    },
    read: (event) => spans.read(event),
    stage: (stage, work) => spans.stage(stage, () => (counts.stage ? counts.stage(stage, work) : work())),
    completed: (info) => {
      spans.completed(info);
      counts.completed?.(info);
    },
    failed: (failure) => {
      spans.failed(failure);
      counts.failed?.(failure);
    },
    retried: (event) => counts.retried?.(event),
    sent: (event) => {
      spans.sent(event);
      counts.sent?.(event);
    },
    deadLettered: (event) => counts.deadLettered?.(event),
    synced: (event) => counts.synced?.(event),
    ended: (end) => {
      spans.ended(end);
      counts.ended?.(end);
    },
  };
}
