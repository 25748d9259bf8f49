import type { RestoredCheckpoint } from '../state/checkpoint.js';

/** The first line of an export. */
export interface ProgressLine
  extends Pick<RestoredCheckpoint, 'time' | 'zeroTime' | 'interval' | 'positions' | 'planned'> {
  readonly dstream: 'progress';
  /** The version of all lines. */
  readonly format: 1;
}

/** Begins a state; its entries follow. */
export interface StateLine {
  readonly dstream: 'state';
  readonly id: string;
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
}

/** An entry of the state before it, both parts as tagged JSON. */
export interface EntryLine {
  readonly key: unknown;
  readonly state: unknown;
}
