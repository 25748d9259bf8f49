import type { EventTimeCounts } from '../../batch/batchInfo.js';
import type { BatchPlanned } from '../../batch/monitoring/monitorEvents.js';
import type { MonitoredStream, RunMonitor } from '../../batch/monitoring/streamMonitor.js';
import type { BatchDetail } from '../wire/batchDetail.js';
import type { BatchRow } from '../wire/batchRow.js';
import { detailedBatches, keptBatches, keptFailures } from '../wire/boardUpdate.js';
import type { FailureRow } from '../wire/failureRow.js';
import type { StreamView } from '../wire/streamView.js';
import { completedDetail, unfinishedDetail } from './batchDetailOf.js';
import { completedRow, unfinishedRow } from './batchRowOf.js';
import { deadLetteredRow, failedRow, retriedRow } from './failureRowOf.js';
import { Recent } from './recent.js';
import { StageSpans } from './stageSpans.js';
import { viewOf } from './viewOf.js';

/** What happened in a stream after a row that a page has. */
export interface News {
  readonly rows: readonly BatchRow[];
  readonly failures: readonly FailureRow[];
}

/** What the board remembers of the streams of one name: of all their subscriptions, the latest in `view`. */
export class StreamRecord {
  readonly name: string;
  readonly #run: string;
  readonly #showErrors: boolean;
  readonly #rows = new Recent<BatchRow>(keptBatches);
  readonly #details = new Recent<() => BatchDetail>(detailedBatches);
  readonly #failures = new Recent<FailureRow>(keptFailures);
  #eventCounts: EventTimeCounts = { late: 0, partlyLate: 0, invalid: 0 };
  #number = 0;
  #changes = 0;
  #view: () => StreamView;
  #live = true;

  /** `run` names the run of the server: ids of another one mean nothing here. */
  constructor(stream: MonitoredStream, run: string, showErrors: boolean) {
    this.name = stream.name;
    this.#run = run;
    this.#showErrors = showErrors;
    this.#view = () => viewOf(stream.snapshot(), [], () => [], this.#eventCounts);
  }

  /** Rises whenever something happens in the stream. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether a subscription runs, so that `view` changes by itself. */
  get live(): boolean {
    return this.#live;
  }

  /** The number of the newest row. */
  get newest(): number {
    return this.#number;
  }

  idOf(number: number): string {
    return `${this.#run}.${number}`;
  }

  /** The number of a row of this run of the server; 0, before all of them, for any other id. */
  numberOf(id: string | undefined): number {
    const [run, number] = id?.split('.') ?? [];
    return run === this.#run && /^\d{1,15}$/.test(number ?? '') ? Number(number) : 0;
  }

  view(): StreamView {
    return this.#view();
  }

  after(number: number): News {
    return { rows: this.#rows.after(number), failures: this.#failures.after(number) };
  }

  detail(id: string): BatchDetail | undefined {
    return this.#details.get(this.numberOf(id))?.();
  }

  /** Watches a subscription, which becomes the one in `view`. */
  watch(stream: MonitoredStream): RunMonitor {
    const planned = new Map<number, BatchPlanned>();
    const stages = new Map<number, StageSpans>();
    const deadLettered = new Map<number, number>();
    let restart: StreamView['restart'];
    const { attempt } = stream;
    const running = (time: number) => stages.get(time)?.running() ?? [];
    const view = () => viewOf(stream.snapshot(), planned.values(), running, this.#eventCounts, restart);
    this.#view = view;
    this.#live = true;
    const forget = (time: number) => {
      planned.delete(time);
      stages.delete(time);
      deadLettered.delete(time);
    };
    const spansOf = (time: number) => {
      const known = stages.get(time) ?? new StageSpans();
      stages.set(time, known);
      return known;
    };
    const unfinished = (batch: BatchPlanned, ...how: ['failed', BatchRow['stage']] | ['aborted']) => {
      const [result, stage] = how;
      const spans = spansOf(batch.time);
      const row = this.#add((id) => unfinishedRow(id, batch, attempt, result, stage));
      this.#details.push(this.#number, () => unfinishedDetail(row, batch, spans.all()));
      forget(batch.time);
    };
    return {
      status: () => void this.#changes++,
      planned: (batch) => {
        this.#changes++;
        planned.set(batch.time, batch);
      },
      stage: (stage, work) => {
        spansOf(stage.time).watch(stage);
        return work();
      },
      completed: (info) => {
        if (info.eventTime) this.#eventCounts = sumOfCounts(this.#eventCounts, info.eventTime);
        const spans = spansOf(info.time);
        const row = this.#add((id) => completedRow(id, info, attempt, deadLettered.get(info.time) ?? 0));
        this.#details.push(this.#number, () => completedDetail(row, info, spans.all()));
        forget(info.time);
      },
      restarting: ({ delay, attempt }) => {
        restart = { at: stream.now() + delay, attempt };
      },
      failed: (failure) => {
        const batch = failure.time === undefined ? undefined : planned.get(failure.time);
        if (batch) unfinished(batch, 'failed', failure.stage);
        this.#fail((id) => failedRow(id, stream.now(), failure, this.#showErrors));
      },
      retried: (event) => this.#fail((id) => retriedRow(id, stream.now(), event, this.#showErrors)),
      deadLettered: (event) => {
        deadLettered.set(event.time, (deadLettered.get(event.time) ?? 0) + event.records);
        this.#fail((id) => deadLetteredRow(id, stream.now(), event, this.#showErrors));
      },
      ended: () => {
        for (const batch of [...planned.values()].sort((a, b) => a.time - b.time)) unfinished(batch, 'aborted');
        this.#changes++;
        // Releases the driver and the state of its operators; a newer subscription has its own view.
        if (this.#view === view) {
          const last = view();
          this.#view = () => last;
          this.#live = false;
        }
      },
    };
  }

  #add(rowOf: (id: string) => BatchRow): BatchRow {
    const row = rowOf(this.idOf(++this.#number));
    this.#changes++;
    this.#rows.push(this.#number, row);
    return row;
  }

  #fail(rowOf: (id: string) => FailureRow): void {
    const row = rowOf(this.idOf(++this.#number));
    this.#changes++;
    this.#failures.push(this.#number, row);
  }
}

function sumOfCounts(a: EventTimeCounts, b: EventTimeCounts): EventTimeCounts {
  return { late: a.late + b.late, partlyLate: a.partlyLate + b.partlyLate, invalid: a.invalid + b.invalid };
}
