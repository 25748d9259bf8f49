import type { Announcements } from '../batch/announcements.js';
import type { Source } from '../sources/source.js';
import { BatchDriver, type DriverOutput } from './batchDriver.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { FailureHistory } from './monitoring/driverMonitor.js';
import { type Driver, RestartingDriver } from './restartingDriver.js';

/** What drives these sources for one subscription. */
export function newDriver(
  sources: Readonly<Record<string, Source<unknown>>>,
  options: ResolvedDriverOptions,
  output: DriverOutput,
  history: FailureHistory,
  announcements: Announcements,
): Driver {
  if (!options.retry) return new BatchDriver(sources, options, output, history, announcements);
  return new RestartingDriver(
    options,
    output,
    (supervised, skipped) => new BatchDriver(sources, options, supervised, history, announcements, skipped),
  );
}
