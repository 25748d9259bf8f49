import type { LogClient } from '../../sources/log/logClient.js';
import type { NewRecord } from '../../sources/log/memoryLog.js';

/** A log as a contract drives it. What it does is done, and may be read, when it resolves. */
export interface TestedLog {
  /** A client of the log that is not connected yet. Called for each connection. */
  client(): LogClient;
  /** Creates a topic with `partitions` partitions. Names are letters, digits, `.`, `_` and `-`, and new each time. */
  createTopic(topic: string, partitions: number): unknown;
  /** Adds partitions to a topic, up to `partitions`. */
  addPartitions(topic: string, partitions: number): unknown;
  /** Appends records in order; each says its partition. Those of one call may make up one record batch. */
  append(topic: string, records: readonly NewRecord[]): unknown;
  /** Drops the records of a partition below `offset`, as retention does. */
  truncate(topic: string, partition: number, offset: number): unknown;
  /** Deletes a topic, so that it may be created again. Without it the cases about that are left out. */
  deleteTopic?(topic: string): unknown;
  /**
   * Makes a leader of a partition that has no records from `offset` on, and a new leader epoch. Without it the cases about that are left
   * out.
   */
  electUncleanLeader?(topic: string, partition: number, offset: number): unknown;
  /** Ends what was begun for the log. */
  remove?(): unknown;
}
