/** What the job that is disturbed writes, and how: each mode has another guarantee to keep. */
export const modes = ['default', 'checkCrcs', 'transactions', 'exactly-once'] as const;

export type Mode = (typeof modes)[number];

/**
 * A fault built into the job, so that the judges can be judged: `'unclaimed-writes'` saves the progress of a batch before its output has
 * written it; `'bad-manners'` writes a batch again when it is replayed, rejects a promise that nobody handles, and leaves a timer behind.
 */
export type PlantedFault = 'unclaimed-writes' | 'bad-manners';

/** Everything that a life of the job has to know, as JSON in its first argument. */
export interface JobConfig {
  readonly mode: Mode;
  readonly job: string;
  /** Behind the proxies. */
  readonly brokers: readonly string[];
  readonly input: string;
  /** The topic to write to, with `transactions`. */
  readonly output: string;
  /** Behind a proxy. */
  readonly postgresUrl: string;
  readonly checkpointDirectory: string;
  /** Of its batches, ms. */
  readonly interval: number;
  readonly planted?: PlantedFault | undefined;
}

/** What the job reports to its parent. */
export type JobEvent =
  | {
      readonly kind: 'batch';
      readonly time: number;
      readonly records: number;
      readonly until: readonly [number, number][];
    }
  | { readonly kind: 'restarting'; readonly code: string; readonly message: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'unhandled'; readonly message: string }
  | { readonly kind: 'vitals'; readonly rss: number; readonly stoppedMs: number }
  | { readonly kind: 'described'; readonly text: string }
  | { readonly kind: 'stopped'; readonly handles: readonly string[] };

/** What the output of the job does. */
export type OutputMood = 'output-hangs' | 'output-throws' | 'output-well';

/** What the parent asks of the job: to stop, to say what it waits for, or to let its output misbehave until it hears `'output-well'`. */
export type JobCommand = 'stop' | 'describe' | OutputMood;

/** Values that begin with these must not be in the output: they cannot be deserialized, and an operator throws for them. */
export const unreadable = 'unreadable';
export const poison = 'poison';
