import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { JobEvent } from './modes.js';

/**
 * Reports memory and the longest stop of the event loop each second, until the function that it returns is called. A stop is only
 * as long as the processor time that the process has used meanwhile: one that was frozen, or waits for a busy machine, does not stop itself.
 */
export function reportVitals(report: (event: JobEvent) => unknown): () => void {
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  let used = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(used);
    used = process.cpuUsage();
    const stoppedMs = Math.round(Math.min(delays.max / 1e6, (user + system) / 1e3));
    delays.reset();
    report({ kind: 'vitals', rss: process.memoryUsage.rss(), stoppedMs });
  }, 1_000);
  timer.unref();
  return () => {
    clearInterval(timer);
    delays.disable();
  };
}
