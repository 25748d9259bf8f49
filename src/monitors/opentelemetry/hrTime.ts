import type { HrTime } from '@opentelemetry/api';

/** A number below the time at which the process began would be taken for one of `performance.now()`. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
