import type { JobControl } from './jobControl.js';
import type { World } from './world.js';

/** What a fault may touch, and the random numbers that decide how it does: the same for the same seed and the same place in the run. */
export interface Scene {
  readonly world: World;
  /** All that run side by side. */
  readonly jobs: readonly JobControl[];
  random(): number;
  /** One of these, at random. */
  pick<T>(of: readonly T[]): T;
  /** From a tenth of this to this many ms, at random. */
  wait(atMostMs: number): Promise<void>;
}

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string;
  /** Only where a job has PostgreSQL at one end. */
  readonly needsPostgres?: boolean;
  /** Only in a cluster of three: what remains can still acknowledge. */
  readonly needsCluster?: boolean;
  begin(scene: Scene): Promise<unknown>;
  /** Ends it, before every proxy is healed. */
  end?(scene: Scene): Promise<unknown>;
}
