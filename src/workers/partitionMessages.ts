import type { MessagePort } from 'node:worker_threads';
import type { Partition } from '../batch/partition.js';
import type { PartitionContext } from '../outputs/foreachPartition.js';
import type { ThrownError } from './thrownError.js';

/** What a thread needs to know before its first partition. */
export interface PartitionThreadData {
  /** The module with the function. */
  readonly url: string;
  /** By how much lower its priority is than that of the main thread. */
  readonly niceness: number;
  /** Where its answers go, in pieces: the main thread takes one when it has the time. */
  readonly answers: MessagePort;
}

/** A partition on its way to a thread. */
export interface PartitionWork {
  readonly partition: Partition<unknown>;
  readonly context: PartitionContext;
}

/** To a thread: the next records of a partition; with the first of them everything else about it. */
export interface PartitionPiece {
  readonly about?: {
    readonly partition: Omit<PartitionWork['partition'], 'records'>;
    readonly context: PartitionContext;
  };
  readonly records: readonly unknown[];
  readonly isLast: boolean;
}

/** What a thread answers to each partition. */
export type PartitionAnswer =
  | { readonly type: 'records'; readonly records: readonly unknown[] }
  | { readonly type: 'failed'; readonly error: ThrownError }
  /** A result cannot be sent; `shown` is what it looks like. */
  | { readonly type: 'uncloneable'; readonly shown: string; readonly error: ThrownError }
  /** The module cannot be loaded, or does not export a function. */
  | { readonly type: 'unusable'; readonly rule: string };

/** On its port for answers: an answer, or some of its records. */
export type AnswerPiece =
  | Exclude<PartitionAnswer, { readonly type: 'records' }>
  | { readonly type: 'records'; readonly records: readonly unknown[]; readonly isLast: boolean };

/** To the main thread: another piece of an answer can be taken. */
export type PieceReady = 'piece';
