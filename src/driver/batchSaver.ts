import { EMPTY, type ObservableInput } from 'rxjs';
import type { BatchInfo } from '../batch/batchInfo.js';
import { eachOf } from '../observables/lastOfEach.js';
import type { Steps } from '../observables/steps.js';
import type { Positions } from '../state/checkpoint.js';
import type { StateRegistry } from '../state/stateRegistry.js';
import type { BatchReplays } from './batchReplays.js';
import { CommitLane } from './commitLane.js';
import type { DriverResources } from './driverResources.js';
import type { DriverMonitor } from './monitoring/driverMonitor.js';
import { ReachedPositions } from './reachedPositions.js';
import type { RunningBatch } from './runningBatch.js';
import { SerialQueue, type SerialQueueEvents, type StepLimit, type Turn } from './serialQueue.js';

export interface SaverParts {
  readonly resources: DriverResources;
  readonly monitor: DriverMonitor;
  readonly limit: StepLimit;
  /** The clock for durations, in ms. */
  readonly now: () => number;
  /** The clock of the timestamps of records, in ms. */
  readonly wall: () => number;
  readonly replays: BatchReplays;
  /** The state of the run, and where its slides are counted from: known once the checkpoint is open. */
  readonly run: () => { readonly state: StateRegistry; readonly zeroTime: number };
}

export interface SaverEvents extends SerialQueueEvents {
  /** The batch is saved, and committed unless its commit is late, and has left its place. */
  saved(batch: RunningBatch, info: BatchInfo): void;
}

/**
 * The batches that have been started, oldest first, each in its place until it is saved. What is saved is always the unbroken
 * run of complete batches: a later one waits for those before it.
 */
export class BatchSaver {
  readonly #parts: SaverParts;
  readonly #events: SaverEvents;
  /** The first `#saving` of them are complete and on their way to be saved. */
  readonly #started: RunningBatch[] = [];
  #saving = 0;
  readonly #done: SerialQueue<RunningBatch>;
  readonly #commits: CommitLane;
  readonly #reached = new ReachedPositions();
  /** As `#reached`, of the batches that have been saved and committed. */
  readonly committed = new ReachedPositions();
  /** What was saved last, by this run. */
  #last: { readonly info: BatchInfo; readonly savedAt: number } | undefined;

  constructor(parts: SaverParts, events: SaverEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#done = new SerialQueue((batch, turn) => this.#save(batch, turn), events, parts.limit);
    this.#commits = new CommitLane(parts.limit, events);
  }

  /** All that have been started and not yet saved. */
  get started(): readonly RunningBatch[] {
    return this.#started;
  }

  /** Of these, the ones that are not complete. */
  get open(): readonly RunningBatch[] {
    return this.#started.slice(this.#saving);
  }

  /** And the ones that are. */
  get saving(): readonly RunningBatch[] {
    return this.#started.slice(0, this.#saving);
  }

  get idle(): boolean {
    return this.#done.idle && this.#commits.idle && this.#started.length === 0;
  }

  get lastInfo(): BatchInfo | undefined {
    return this.#last?.info;
  }

  get savedAt(): number | undefined {
    return this.#last?.savedAt;
  }

  /** Where a source begins, from the checkpoint. */
  restore(name: string, positions: Positions): void {
    this.#reached.restore(name, positions);
    this.committed.restore(name, positions);
  }

  start(batch: RunningBatch): void {
    this.#started.push(batch);
  }

  completed(batch: RunningBatch): void {
    batch.released = true;
    if (!batch.open?.hasLastActs) batch.processingEndTime = this.#parts.now();
    for (;;) {
      const next = this.#started[this.#saving];
      if (!next?.released) return;
      this.#saving++;
      this.#done.push(next);
    }
  }

  close(): void {
    this.#done.close();
    this.#commits.close();
  }

  /**
   * From a batch without holds to its `BatchInfo`, each step when the one before has settled: outputs do what they do last, such as
   * the commit of a transaction, so that it never covers what another output still writes; state and positions go to the checkpoint;
   * the sources commit their offsets, which is not waited for when it is late; controllers and observers are notified. So committed
   * offsets never exceed what is saved, and after a crash between the two a restart follows the checkpoint.
   */
  *#save(batch: RunningBatch, turn: Turn): Steps {
    const { time, open } = batch;
    const { monitor, now } = this.#parts;
    if (open?.hasLastActs) {
      yield open.runLastActs();
      batch.processingEndTime = now();
    }
    turn.enter({ stage: 'save', name: 'saving', time });
    batch.enter('save', now());
    yield this.#parts.replays.passed(batch);
    yield monitor.stage({ kind: 'save', time }, () => this.#saveCheckpoint(batch));
    turn.leave();
    yield this.#commits.commit({
      time,
      work: () => {
        batch.enter('commit', now());
        return monitor.stage({ kind: 'commit', time }, () => this.#commit(batch));
      },
      committed: () => this.committed.advance(batch.positions),
    });
    this.#saved(batch);
  }

  #saveCheckpoint(batch: RunningBatch): ObservableInput<unknown> {
    const { state, zeroTime } = this.#parts.run();
    const { session } = this.#parts.resources;
    const changes = state.takeChanges(batch.time);
    const dropped = state.takeDropped();
    this.#reached.advance(batch.positions);
    if (!session) return EMPTY;
    const positions = this.#reached.toRecord();
    const { time, interval } = batch;
    const saved = { time, zeroTime, interval, positions, changes };
    return session.save(dropped.length > 0 ? { ...saved, dropped } : saved);
  }

  #commit(batch: RunningBatch): ObservableInput<unknown> {
    return eachOf(
      this.#parts.resources.runs.map(([name, run]) => [name, () => run.commit(batch.plans.get(name)?.ranges ?? [])]),
    );
  }

  #saved(batch: RunningBatch): void {
    this.#started.shift();
    this.#saving--;
    this.#parts.run().state.completed(batch.time);
    const savedAt = this.#parts.now();
    const info = batch.info(savedAt, this.#parts.wall());
    // The driver remembers the batch it planned last: not with all that its operators held.
    batch.open = undefined;
    this.#last = { info, savedAt };
    this.#events.saved(batch, info);
  }
}
