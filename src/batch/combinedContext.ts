import type { BatchContext } from './batchContext.js';
import type { InputInfo } from './batchInfo.js';
import type { BatchState } from './batchState.js';
import type { Hold, HoldKind } from './hold.js';

/** The contexts of which this one is made; the context itself where it is not made of others. */
export function partsOf(context: BatchContext): readonly BatchContext[] {
  return context instanceof CombinedContext ? context.parts : [context];
}

/**
 * One context for batches of one time but of different drivers: each stays open until the effects of the combined batch
 * have settled, and fails with it. Inputs are merged; zero time and state are those of the first.
 */
export class CombinedContext implements BatchContext {
  readonly time: number;
  readonly interval: number;
  readonly maxInterval: number | undefined;
  readonly zeroTime: number;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly state: BatchState;
  readonly parts: readonly BatchContext[];

  constructor(first: BatchContext, ...others: readonly BatchContext[]) {
    this.time = first.time;
    this.interval = first.interval;
    this.maxInterval = first.maxInterval;
    this.zeroTime = first.zeroTime;
    this.state = first.state;
    this.parts = [first, ...others];
    this.inputs = mergeInputs(this.parts);
  }

  hold(kind: HoldKind = 'work', aborted?: (cause?: unknown) => void): Hold {
    const holds: Hold[] = [];
    let open = true;
    const settle = (how: (hold: Hold) => void): void => {
      if (!open) return;
      open = false;
      for (const hold of holds) how(hold);
    };
    const giveUp = (cause?: unknown): void => {
      if (!open) return;
      // The effect is given up for all of them: none may be saved as if it had happened. With the error of the one that
      // failed, so that it is this error that the stream fails with.
      settle((hold) => (cause === undefined ? hold.abandon() : hold.fail(cause)));
      aborted?.(cause);
    };
    try {
      for (const part of this.parts) holds.push(part.hold(kind, giveUp));
    } catch (error) {
      settle((hold) => hold.fail(error));
      throw error;
    }
    return {
      release: () => settle((hold) => hold.release()),
      fail: (error) => settle((hold) => hold.fail(error)),
      abandon: () => settle((hold) => hold.abandon()),
    };
  }
}

/** Two sources may bear the same name: the second `batches` becomes `batches 2`. */
function mergeInputs(parts: readonly BatchContext[]): Readonly<Record<string, InputInfo>> {
  const merged: Record<string, InputInfo> = {};
  for (const { inputs } of parts) {
    for (const [name, input] of Object.entries(inputs)) {
      let free = name;
      for (let i = 2; free in merged; i++) free = `${name} ${i}`;
      merged[free] = input;
    }
  }
  return merged;
}
