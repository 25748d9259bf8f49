import type { TaskInfo } from '../../batch/taskInfo.js';
import type { BatchStream } from '../../driver/batchStream.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { LogSourceOptions } from '../log/logSourceOptions.js';
import type { RecordView } from '../log/recordView.js';
import type { Source } from '../source.js';

/** A source of tasks: topics that are read in one way. */
export type TaskSourceOptions<T> = Omit<LogSourceOptions<T>, 'partitions' | 'groupId' | 'until' | 'topics'> & {
  /** Topics to read, by name or by pattern. */
  readonly topics: NonNullable<LogSourceOptions<T>['topics']>;
};

/** Several sources of tasks, by their names: topics of which each task has a partition, and tables that each task sees whole. */
export type TaskSources = Readonly<Record<string, TaskSourceOptions<unknown> | Source<unknown>>>;

/** The records of a source of tasks. */
export type TaskRecord<S> =
  S extends Source<infer T> ? T : S extends { readonly deserialize: (view: RecordView) => infer T } ? T : never;

/**
 * One task of a job with several sources, as `kafkaTasksFrom` and `logTasksFrom` emit it when it is assigned to this process: a stream of
 * batches for each source, all of one driver, so that they can be joined. They complete when the task goes to another process.
 */
export interface SourcesTask<S extends TaskSources, C extends Checkpoint | undefined = undefined> {
  /** Which task it is. */
  readonly task: TaskInfo;
  /** The checkpoint that the option `checkpoint` has returned for it. */
  readonly checkpoint: C;
  /** The streams, by the names of the sources. Each must be subscribed to. */
  readonly streams: {
    readonly [N in keyof S]: BatchStream<TaskRecord<S[N]>>;
  };
}
