import type { TopicPartition } from './topicPartition.js';

/** One part of a job that is divided among processes: a partition number of its topics. It has state, progress and batches of its own. */
export interface TaskInfo {
  /** The same in every process, such as `'3'`: to name what belongs to the task alone. */
  readonly id: string;
  /** The partition number. */
  readonly partition: number;
  /** How many tasks there are in all. */
  readonly of: number;
  /** The partitions of that number, one of each topic. */
  readonly partitions: readonly TopicPartition[];
}
