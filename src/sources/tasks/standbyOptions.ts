import { InvalidOptionError } from '../../batch/errors.js';
import type { OptionChecks } from '../../options/checkOptions.js';
import { checkNonNegativeInteger } from '../../options/checks.js';
import { StandbyTasks } from './standbyTasks.js';
import type { JobSetup } from './taskOptions.js';

/** How the states of tasks are kept ready on other processes. */
export interface StandbyOptions {
  /**
   * On how many other processes the state of each task is kept ready, as a copy that follows its checkpoint: one of them is preferred when the owner is
   * gone, and has little left to read. Takes a checkpoint that keeps copies: `kafkaCheckpoint` with `copy`, in a directory that each machine or
   * process has of its own. There are fewer where there are not as many processes. `checkpoint` is called for the tasks of other
   * processes then, too.
   * @default 0
   */
  readonly standbys?: number | undefined;
}

/** What each option must be. */
export const standbyChecks: OptionChecks<StandbyOptions> = { standbys: checkNonNegativeInteger };

/**
 * Neither `kafkaBatches` nor `kafkaTasks` has both options. The error names both, not only the one that does not exist there.
 *
 * @throws {InvalidOptionError} when both are there
 */
export function checkNotExclusive(owner: string, options: object): void {
  const { standbys, membership } = (options ?? {}) as { readonly standbys?: unknown; readonly membership?: unknown };
  if (standbys === undefined || membership === undefined) return;
  const rule = `cannot be set with membership ("${membership}"): standbys are of the tasks of kafkaTasks, and membership is an option of kafkaBatches`;
  throw new InvalidOptionError(owner, 'standbys', standbys, rule);
}

/**
 * What the host of the tasks needs for them.
 *
 * @throws {InvalidOptionError} when there is no checkpoint to be copied
 */
export function standbySetup(
  owner: string,
  { standbys = 0, checkpoint }: StandbyOptions & { readonly checkpoint?: unknown },
): Pick<JobSetup, 'newStandbys'> {
  if (standbys === 0) return {};
  if (!checkpoint) {
    throw new InvalidOptionError(owner, 'standbys', standbys, 'needs checkpoint: kafkaCheckpoint with the option copy');
  }
  return { newStandbys: (host, scheduler) => new StandbyTasks({ owner, standbys }, host, scheduler) };
}
