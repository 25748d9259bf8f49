import type { Partition } from '../batch/partition.js';
import type { PartitionContext } from '../outputs/foreachPartition.js';
import type { ThrownError } from './thrownError.js';

/** What a thread needs to know before its first partition. */
export interface PartitionThreadData {
  /** The module with the function. */
  readonly url: string;
}

/** A partition on its way to a thread. */
export interface PartitionWork {
  readonly partition: Partition<unknown>;
  readonly context: PartitionContext;
}

/** What a thread answers to each partition. */
export type PartitionAnswer =
  | { readonly type: 'records'; readonly records: readonly unknown[] }
  | { readonly type: 'failed'; readonly error: ThrownError }
  /** A result cannot be sent; `shown` is what it looks like. */
  | { readonly type: 'uncloneable'; readonly shown: string; readonly error: ThrownError }
  /** The module cannot be loaded, or does not export a function. */
  | { readonly type: 'unusable'; readonly rule: string };
