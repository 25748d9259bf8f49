import type { Checkpoint } from '../state/checkpoint.js';

/** What a command line says of a checkpoint. */
export interface Place {
  readonly job: string | undefined;
  readonly schema: string | undefined;
  readonly store: string | undefined;
}

/** One of the parts of a checkpoint that is split. */
export interface Part {
  readonly number: number;
  /** How many there are. */
  readonly of: number;
}

/** Where a command finds its checkpoint. */
export interface Location {
  /** The checkpoint that is there; fails if there is not any. */
  existing(): Promise<Checkpoint>;
  /** The checkpoint that is there, or a new one. */
  any(): Promise<Checkpoint>;
  close(): Promise<void>;
}
