import { defer, Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../backpressure/longDelay.js';
import type { BatchRun } from '../batch/batchContext.js';
import { DStreamError, ProtocolError } from '../batch/errors.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput } from './driverOutput.js';
import type { HeldWork, Lease, Ownership } from './ownership.js';
import type { Driver } from './restartingDriver.js';
import type { Finish, StopReport } from './stopReport.js';

/** Pauses before the work is opened again after another process has fenced this one and the group says that it is ours. */
const pauses = { delay: 100, maxDelay: 1_000 } as const;
/** What a group answers to a commit of a member that it has removed. */
const memberErrors: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

/** Makes the driver of one time that the work belongs to this process. */
type NewDriver = (output: DriverOutput, held: HeldWork) => Driver;

/** A call of `stop`. */
interface Stop {
  readonly finish: Finish;
  report?: StopReport;
  /** Whether `finish` has been called. */
  told?: boolean;
}

/**
 * Runs a driver while the work belongs to this process, for the same subscribers: opens nothing before it is assigned, aborts what is
 * open when it is lost, finishes what is open when it is given away, and waits to be assigned again.
 *
 * A process that was stopped between "assigned" and "opened" fences the rightful owner when it goes on. So one that is fenced asks the
 * group, and opens the work again if it is still its own.
 */
export class OwnedDriver implements Driver {
  readonly #options: Pick<ResolvedDriverOptions, 'scheduler'>;
  readonly #ownership: Ownership;
  readonly #output: DriverOutput;
  readonly #newDriver: NewDriver;
  readonly #lease: Lease;
  /** The driver that runs, or ran last. */
  #driver: Driver;
  /** What is open: nothing, a driver, or a driver that is closing. */
  #state: 'none' | 'running' | 'closing' = 'none';
  #assigned = false;
  #releasing = false;
  /** Counts openings: what belongs to an earlier one commits no more. */
  #opened = 0;
  /** The opening that was to be given away last. */
  #given = 0;
  /** The opening that was lost last. It may still be closing when the work is this process's again, and others have worked on it meanwhile. */
  #lost = 0;
  #failure: { readonly error: unknown } | undefined;
  /** How often in a row the work was opened and fenced with no batch getting through. */
  #fenced = 0;
  #pause: Subscription = Subscription.EMPTY;
  /** How the subscription ends, as soon as nothing is open. */
  #ending: (() => void) | undefined;
  #ended = false;
  readonly #stopping: Stop[] = [];

  constructor(
    options: Pick<ResolvedDriverOptions, 'scheduler'>,
    ownership: Ownership,
    output: DriverOutput,
    newDriver: NewDriver,
  ) {
    this.#options = options;
    this.#ownership = ownership;
    this.#output = output;
    this.#newDriver = newDriver;
    this.#lease = ownership.claim({
      assigned: () => {
        this.#assigned = true;
        this.#open();
      },
      release: (drainTimeout, finish) => this.#release(drainTimeout, finish),
      lost: () => {
        if (this.#state !== 'none' || this.#driver.run.closed) this.#lost = this.#opened;
        this.#assigned = false;
        this.#releasing = false;
        this.#abort();
      },
      ended: () => {
        this.#assigned = false;
        this.#end(() => this.#output.complete());
        this.#abort();
      },
      failed: (error) => {
        this.#assigned = false;
        this.#end(() => this.#output.error(error));
        this.#abort();
      },
    });
    this.#driver = this.#next();
  }

  get run(): BatchRun {
    return this.#driver.run;
  }

  get dispatching(): number | undefined {
    return this.#driver.dispatching;
  }

  get claims(): number {
    return this.#driver.claims;
  }

  start(): void {
    this.#lease.start();
  }

  close(): void {
    this.#end(() => {});
    this.#abort();
  }

  stop(drainTimeout: number, finish: Finish): void {
    if (this.#ended) {
      finish({ completed: [], aborted: [] });
      return;
    }
    const caller: Stop = { finish };
    this.#stopping.push(caller);
    this.#end(() => this.#output.complete());
    if (this.#state !== 'running') {
      this.#pump();
      return;
    }
    this.#driver.stop(drainTimeout, (report) => {
      caller.report = report;
      // To an output, for which the stream waits.
      if (this.#driver.run.closed) return;
      caller.told = true;
      finish(report);
    });
  }

  release(drainTimeout: number, finish: Finish): void {
    this.stop(drainTimeout, finish);
  }

  snapshot(): StreamSnapshot {
    return this.#driver.snapshot();
  }

  missed(name: string): void {
    this.#driver.missed(name);
  }

  #next(): Driver {
    const opened = ++this.#opened;
    const output: DriverOutput = {
      next: (name, batch) => this.#output.next(name, batch),
      saved: () => {
        this.#fenced = 0;
      },
      complete: () => {
        // Given away: whatever else completes a stream is its end.
        if (opened !== this.#given) this.#end(() => this.#output.complete());
      },
      error: (error) => {
        this.#failure = { error };
      },
      closed: () => this.#closed(),
    };
    return this.#newDriver(output, {
      ...this.#lease,
      membership: () => {
        const isPresent = opened === this.#opened && opened !== this.#lost && this.#assigned;
        return isPresent ? this.#lease.membership() : undefined;
      },
    });
  }

  #open(): void {
    if (this.#state !== 'none' || !this.#assigned || this.#releasing || this.#ending) return;
    this.#state = 'running';
    if (this.#driver.run.closed) this.#driver = this.#next();
    this.#driver.start();
  }

  #release(drainTimeout = this.#ownership.drainMs, finish: Finish = () => {}): void {
    this.#releasing = true;
    this.#given = this.#opened;
    this.#pause.unsubscribe();
    if (this.#state === 'running') this.#driver.release(drainTimeout, finish);
    else {
      finish({ completed: [], aborted: [] });
      this.#pump();
    }
  }

  #abort(): void {
    this.#pause.unsubscribe();
    if (this.#state === 'running') {
      this.#state = 'closing';
      this.#driver.close();
    } else this.#pump();
  }

  #closed(): void {
    this.#state = 'none';
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure && !this.#ending && !this.#releasing) {
      if (!isFence(failure.error)) this.#end(() => this.#output.error(failure.error));
      else if (this.#assigned) this.#confirm(failure.error);
    }
    this.#pump();
  }

  /** Goes on, now that nothing is open. */
  #pump(): void {
    if (this.#state !== 'none' || this.#ended) return;
    if (this.#ending) this.#leave(this.#ending);
    else if (this.#releasing) {
      this.#releasing = false;
      this.#assigned = false;
      this.#lease.released();
    } else if (this.#pause.closed) this.#open();
  }

  #confirm(error: unknown): void {
    this.#pause = new Subscription();
    const pause = this.#pause;
    const again = (): void => {
      pause.unsubscribe();
      this.#pump();
    };
    const asked = defer(() => this.#lease.confirm(error)).subscribe((held) => {
      // If it is not, the group says so.
      if (!held) this.#assigned = false;
      const wait = held ? backOff(pauses, this.#fenced++) : 0;
      pause.add(scheduleAfter(this.#options.scheduler, wait, again));
    });
    pause.add(asked);
  }

  #end(notify: () => void): void {
    this.#ending ??= notify;
  }

  #leave(notify: () => void): void {
    this.#ended = true;
    this.#assigned = false;
    this.#pause.unsubscribe();
    if (!this.#driver.run.closed) this.#driver.close();
    const left = (): void => {
      notify();
      for (const { finish, report, told } of this.#stopping) {
        if (!told) finish(report ?? { completed: [], aborted: [] });
      }
    };
    defer(() => this.#lease.leave()).subscribe({ error: left, complete: left });
  }
}

/** Whether an error says that another process has taken the work over. */
function isFence(error: unknown): boolean {
  if (error instanceof ProtocolError) return memberErrors.has(error.kafkaError);
  return error instanceof DStreamError && error.code === 'FENCED';
}
