// Metrics for Prometheus, by the user's own prom-client.
export {
  type PrometheusClient,
  type PrometheusMetricOptions,
  type PrometheusMonitorOptions,
  type PrometheusRegistry,
  prometheusMonitor,
} from './monitors/prometheusMonitor.js';
