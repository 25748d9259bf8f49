import type { Announcements } from '../batch/announcements.js';
import type { Source } from '../sources/source.js';
import { BatchDriver } from './batchDriver.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput } from './driverOutput.js';
import type { FailureHistory } from './monitoring/driverMonitor.js';
import { OwnedDriver } from './ownedDriver.js';
import type { Ownership } from './ownership.js';
import { type Driver, RestartingDriver } from './restartingDriver.js';

/** What drives these sources for one subscription; with `ownership` while the work belongs to this process. */
export function newDriver(
  sources: Readonly<Record<string, Source<unknown>>>,
  options: ResolvedDriverOptions,
  output: DriverOutput,
  history: FailureHistory,
  announcements: Announcements,
  ownership?: Ownership,
): Driver {
  if (ownership) {
    return new OwnedDriver(options, ownership, output, (owned, held) =>
      newDriver(sources, { ...options, held }, owned, history, announcements),
    );
  }
  if (!options.retry) return new BatchDriver(sources, options, output, history, announcements);
  return new RestartingDriver(
    options,
    output,
    (supervised, failing) => new BatchDriver(sources, options, supervised, history, announcements, failing),
  );
}
