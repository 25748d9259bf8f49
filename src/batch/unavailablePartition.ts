import type { DStreamError } from './errors.js';
import type { TopicPartition } from './topicPartition.js';

/** A partition that could not be read when a batch was planned: the batch has no records of it. */
export interface UnavailablePartition extends TopicPartition {
  /** When a plan first had to do without it, in ms of the scheduler's clock. */
  readonly since: number;
  /** Why: what the last attempt failed with. */
  readonly error: DStreamError;
}
