import { InvalidOptionError } from '../../batch/errors.js';
import { streamsOf } from '../../driver/batchesFrom.js';
import { checkOptions } from '../../options/checkOptions.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { ResolvedLogSourceOptions } from '../log/resolveLogSourceOptions.js';
import type { SourcesTask, TaskSources } from './sourcesTask.js';
import { type JobTasksOptions, resolveTaskSource, taskSourceChecks } from './taskOptions.js';
import type { TaskParts } from './taskStreamOf.js';

/** The options of each source, checked, with their defaults. */
export type ResolvedTaskSources = Readonly<Record<string, ResolvedLogSourceOptions<unknown>>>;

/** @throws {InvalidOptionError} when there is no source, or an option of one is out of its range */
export function resolveTaskSources(
  owner: string,
  sources: TaskSources,
  options: JobTasksOptions<Checkpoint | undefined>,
): ResolvedTaskSources {
  if (typeof sources !== 'object' || sources === null || Array.isArray(sources) || Object.keys(sources).length === 0) {
    throw new InvalidOptionError(owner, 'sources', sources, 'must be an object of sources by their names');
  }
  const resolved = Object.entries(sources).map(([name, source]) => {
    checkOptions(owner, source, taskSourceChecks, `sources.${name}`);
    return [name, resolveTaskSource(owner, source, options)] as const;
  });
  return Object.fromEntries(resolved);
}

/** The task of a job with several sources. */
export function newSourcesTask<S extends TaskSources, C extends Checkpoint | undefined>(
  sources: ResolvedTaskSources,
  { info, checkpoint, driver, ownership, source }: TaskParts<C>,
): SourcesTask<S, C> {
  const opened = Object.entries(sources).map(([name, options]) => [name, source(options)] as const);
  const streams = streamsOf(Object.fromEntries(opened), driver, ownership);
  return { task: info, checkpoint, streams: streams as unknown as SourcesTask<S, C>['streams'] };
}
