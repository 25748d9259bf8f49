import { InvalidOptionError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { streamsOf } from '../../driver/batchesFrom.js';
import { checkOptions } from '../../options/checkOptions.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { ResolvedLogSourceOptions } from '../log/resolveLogSourceOptions.js';
import type { TableChange } from '../log/tableOptions.js';
import type { Source } from '../source.js';
import type { SourcesTask, TaskSourceOptions, TaskSources } from './sourcesTask.js';
import { type JobTasksOptions, resolveTaskSource, taskSourceChecks } from './taskOptions.js';
import type { TaskParts } from './taskStreamOf.js';

/** What each source of the tasks is: the options of a log, checked, with their defaults, or a table. */
export interface ResolvedTaskSources {
  readonly logs: Readonly<Record<string, ResolvedLogSourceOptions<unknown>>>;
  readonly tables: Readonly<Record<string, Source<unknown>>>;
  /** As given, of the logs: all have the same partitions. */
  readonly given: readonly TaskSourceOptions<unknown>[];
}

/** @throws {InvalidOptionError} when there is no source of topics, one is out of its range, or two read a topic without a checkpoint */
export function resolveTaskSources(
  owner: string,
  sources: TaskSources,
  options: JobTasksOptions<Checkpoint | undefined>,
): ResolvedTaskSources {
  if (typeof sources !== 'object' || sources === null || Array.isArray(sources) || Object.keys(sources).length === 0) {
    throw new InvalidOptionError(owner, 'sources', sources, 'must be an object of sources by their names');
  }
  const tables: Record<string, Source<unknown>> = {};
  const logs: Record<string, ResolvedLogSourceOptions<unknown>> = {};
  const given: TaskSourceOptions<unknown>[] = [];
  for (const [name, source] of Object.entries(sources)) {
    if (isTable(owner, name, source)) {
      tables[name] = source;
      continue;
    }
    checkOptions(owner, source, taskSourceChecks, `sources.${name}`);
    logs[name] = resolveTaskSource(owner, source, options);
    given.push(source);
  }
  if (!options.checkpoint) checkTopicsOnce(owner, sources, logs);
  if (given.length === 0) {
    throw new InvalidOptionError(owner, 'sources', sources, 'must have topics too: tasks are their partitions');
  }
  return { logs, tables, given };
}

/** @throws {InvalidOptionError} when two sources would go on at one position, which is that of either */
function checkTopicsOnce(
  owner: string,
  sources: TaskSources,
  logs: Readonly<Record<string, ResolvedLogSourceOptions<unknown>>>,
): void {
  const readers = new Map<string, string>();
  for (const [name, { topics = [] }] of Object.entries(logs)) {
    for (const topic of topics) {
      const other = readers.get(String(topic));
      if (other === undefined) readers.set(String(topic), name);
      else if (other !== name) {
        const rule = `reads ${topic}, as sources.${other} does: the group has one position of it, so that needs a checkpoint`;
        throw new InvalidOptionError(owner, `sources.${name}`, sources[name], rule);
      }
    }
  }
}

/** @throws {InvalidOptionError} when it is a source and no table */
function isTable(
  owner: string,
  name: string,
  source: TaskSourceOptions<unknown> | Source<unknown>,
): source is Source<unknown> {
  const { open, readFirst } = Object(source) as Partial<Source<unknown>>;
  if (typeof open !== 'function') return false;
  if (readFirst) return true;
  const rule =
    'must be the options of topics, of which each task has a partition, or a table (kafkaTable, logTable, tableFrom)';
  throw new InvalidOptionError(owner, `sources.${name}`, source, rule);
}

/** The task of a job with several sources. */
export function newSourcesTask<S extends TaskSources, C extends Checkpoint | undefined>(
  { logs, tables }: ResolvedTaskSources,
  { info, checkpoint, driver, ownership, source, table }: TaskParts<C>,
): SourcesTask<S, C> {
  const opened = [
    ...Object.entries(logs).map(([name, options]) => [name, source(options)] as const),
    ...Object.entries(tables).map(
      ([name, given]) => [name, table(name, given as Source<TableChange<Key, unknown>>)] as const,
    ),
  ];
  const streams = streamsOf(Object.fromEntries(opened), driver, ownership);
  return { task: info, checkpoint, streams: streams as unknown as SourcesTask<S, C>['streams'] };
}
