import { health, logMonitor, type StreamMonitor } from 'dstream';
import { opentelemetryMonitor } from 'dstream/opentelemetry';
import { prometheusMonitor } from 'dstream/prometheus';

const ignore = (): void => {};

/** Every monitor, with the SDKs of an application; loaded for the contender that has them alone. */
export async function allMonitors(): Promise<readonly StreamMonitor[]> {
  const { dashboard } = await import('dstream/node');
  const prometheus = await import('prom-client');
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics');
  const { BasicTracerProvider } = await import('@opentelemetry/sdk-trace-base');
  const discard = { onStart: ignore, onEnd: ignore, forceFlush: async () => {}, shutdown: async () => {} };
  const tracer = new BasicTracerProvider({ spanProcessors: [discard] }).getTracer('bench');
  return [
    logMonitor({ debug: ignore, info: ignore, warn: ignore, error: ignore }),
    health(),
    await dashboard({ port: 0 }),
    prometheusMonitor({ client: prometheus, registry: new prometheus.Registry() }),
    opentelemetryMonitor({ meter: new MeterProvider().getMeter('bench'), tracer }),
  ];
}
