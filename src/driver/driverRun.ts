import type { Subscription } from 'rxjs';
import type { BatchContext, BatchRun } from '../batch/batchContext.js';
import type { GroupMembership } from '../batch/groupMembership.js';
import type { PartitionSelection } from '../batch/partitionSelection.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { KeyCheck } from '../collections/ownKeys.js';
import type { Source } from '../sources/source.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverResources } from './driverResources.js';
import type { RunningBatch } from './runningBatch.js';
import { selectionOfRun } from './selectionOfRun.js';

export interface DriverRunParts {
  readonly sources: Readonly<Record<string, Source<unknown>>>;
  readonly options: Pick<ResolvedDriverOptions, 'retry' | 'held' | 'task' | 'keyCheck'>;
  readonly resources: DriverResources;
  /** Ends with the run. */
  readonly work: Subscription;
  closed(): boolean;
  /** The batches that were started and are not saved, oldest first. */
  started(): readonly RunningBatch[];
}

/** A run of a driver, as its batches and their operators see it. */
export class DriverRun implements BatchRun {
  readonly restarts: boolean;
  readonly selection: PartitionSelection | undefined;
  readonly task: TaskInfo | undefined;
  readonly keyCheck: KeyCheck | undefined;
  readonly membership: (() => GroupMembership | undefined) | undefined;
  readonly #parts: DriverRunParts;

  constructor(parts: DriverRunParts) {
    const { retry, held, task, keyCheck } = parts.options;
    this.restarts = retry !== undefined || held !== undefined;
    // A task has a name of its own.
    this.selection = task ? undefined : selectionOfRun(parts.sources);
    this.task = task;
    this.keyCheck = keyCheck;
    this.membership = held && (() => held.membership());
    this.#parts = parts;
  }

  get closed(): boolean {
    return this.#parts.closed();
  }

  get open(): readonly BatchContext[] {
    return this.#parts.started().flatMap(({ open }) => (open && !open.settled ? [open] : []));
  }

  get clusters(): readonly string[] {
    return this.#ofClients('clusterId');
  }

  get groups(): readonly string[] {
    return this.#ofClients('groupId');
  }

  whenClosed(teardown: () => void): void {
    this.#parts.work.add(teardown);
  }

  #ofClients(id: 'clusterId' | 'groupId'): readonly string[] {
    return this.#parts.resources.runs.flatMap(([, run]) => run.snapshot?.().client?.[id] ?? []);
  }
}
