import type { Checkpoint, Pair } from 'dstream';
import type { MinuteOfVisitors, Outputs } from './pipeline.js';

/** What the job has written so far. */
export interface Tables {
  /** Most views first. */
  readonly pages: readonly Pair<string, number>[];
  /** Oldest first. */
  readonly visitors: readonly MinuteOfVisitors[];
}

/** Where results and progress are kept. */
export interface Store {
  readonly checkpoint: Checkpoint;
  readonly outputs: Outputs;
  read(): Promise<Tables>;
  close(): Promise<void>;
}
