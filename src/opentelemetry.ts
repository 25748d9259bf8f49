// Traces and metrics for OpenTelemetry, by the user's own SDK.
export { type OpentelemetryMonitorOptions, opentelemetryMonitor } from './monitors/opentelemetryMonitor.js';
