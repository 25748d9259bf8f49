/** The steps of a batch that a monitor can wrap. */
export type StageKind = 'dispatch' | 'effect' | 'save' | 'commit';

/** Where a failure happened: a stage, or a step that runs no code of the user's. */
export type FailureStage = 'open' | 'plan' | 'fetch' | StageKind;

/** How a stage ended. */
export interface StageEnd {
  /** When it began, in ms of the scheduler's clock. */
  readonly startTime: number;
  /** When it settled, in ms of the scheduler's clock. */
  readonly endTime: number;
  /** The error, where it failed. */
  readonly error?: unknown;
}

/** One step of a batch, while it runs. */
export interface Stage {
  /** What is done in this stage. */
  readonly kind: StageKind;
  /** The batch time. */
  readonly time: number;
  /** The operator whose effect it is. */
  readonly operator?: string | undefined;
  /** The operator's `id`, where it has one. */
  readonly id?: string | undefined;
  /** The index of the partition, of an effect on one partition. */
  readonly partition?: number | undefined;
  /** Calls the listener once, when the stage has settled: at once for a synchronous one, else after its promise has. */
  onEnd(listener: (end: StageEnd) => void): void;
}
