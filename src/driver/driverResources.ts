import {
  AsyncSubject,
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  merge,
  Observable,
  type ObservableInput,
  of,
  tap,
} from 'rxjs';
import { InvalidOptionError } from '../batch/errors.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { Source, SourceRun, SourceSetup } from '../sources/source.js';
import type { CheckpointSession, OpenOptions } from '../state/checkpoint.js';
import { closeAll } from './closeAll.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { HeldWork } from './ownership.js';

type Runs = readonly (readonly [name: string, run: SourceRun<unknown>])[];

interface Closable {
  close(): ObservableInput<unknown>;
}

/** What a driver has open: its checkpoint and its sources. Whatever opens is closed, even if the driver has ended before. */
export class DriverResources {
  session: CheckpointSession | undefined;
  /** In the order of the sources, whichever opens first. */
  readonly #runs = new Map<string, SourceRun<unknown> | undefined>();
  /** Those that are open. */
  runs: Runs = [];
  #closed = false;
  /** Where the work is divided among processes: the opening of the checkpoint, until it has ended, and what it opens too late is closed. */
  #opens: Observable<never> | undefined;
  /** Nothing of the checkpoint is open any more. */
  #left = (): void => {};
  /** Ends the wait for a checkpoint that another stream owns. */
  readonly #waiting = new AbortController();

  /** `waiting` is called when the checkpoint is in use, with the reason. */
  openCheckpoint(
    options: Timing & Pick<ResolvedDriverOptions, 'checkpoint' | 'held' | 'task'>,
    waiting: (reason: string) => void,
  ): Observable<never> {
    const { checkpoint, held, task } = options;
    if (!checkpoint) return EMPTY;
    // The group has decided whose work it is: the former owner need not be waited for.
    const takeover = held && ({ takeover: 'force' } as const);
    const keep = (session: CheckpointSession) => {
      this.session = session;
    };
    let ended = (): void => {};
    const open = () => {
      if (held) ended = this.#begin(held);
      return checkpoint.open({ waiting, signal: this.#waiting.signal, ...takeover, ...openedBy(held, task) });
    };
    const opening = this.#opening(
      () => defer(open),
      keep,
      () => false,
      () => ended(),
    );
    const checked = opening.pipe(tap({ complete: () => checkInterval(options, this.session) }));
    return held ? concat(held.granted(), checked) : checked;
  }

  /** Returns what is to be called when the opening has ended. */
  #begin(held: HeldWork): () => void {
    const ended = new AsyncSubject<never>();
    this.#opens = ended;
    this.#left = held.opens();
    return () => {
      if (!this.session) this.#left();
      this.#opens = undefined;
      ended.complete();
    };
  }

  openSources(
    sources: Readonly<Record<string, Source<unknown>>>,
    setup: (name: string) => SourceSetup,
  ): Observable<unknown> {
    // A source may end its opening when it is unsubscribed; a promise cannot, and nobody would receive its run.
    const cancels = (opening: ObservableInput<SourceRun<unknown>>) => !('then' in opening);
    const open = Object.entries(sources).map(([name, source]) => {
      this.#runs.set(name, undefined);
      const keep = (run: SourceRun<unknown>) => {
        this.#runs.set(name, run);
        this.runs = [...this.#runs].flatMap(([name, run]) => (run ? [[name, run] as const] : []));
      };
      return this.#opening(() => source.open(setup(name)), keep, cancels);
    });
    return merge(...open);
  }

  /** Stops the sources that gather records. Returns whether there are any: they still have something to be planned. */
  stop(): boolean {
    const gathering = this.runs.filter(([, run]) => run.stop);
    for (const [, run] of gathering) run.stop?.();
    return gathering.length > 0;
  }

  /**
   * Closes all of them, also when one fails at it; then fails with the first error. The checkpoint first, in this very turn:
   * nothing may read a state that a failed batch has left half changed. What has not been closed when `late` emits is not waited for.
   */
  close(late: Observable<unknown>): Observable<never> {
    this.#closed = true;
    this.#waiting.abort();
    return closeAll([...this.#checkpoint(), ...this.runs.map(([, run]) => run)], late);
  }

  #checkpoint(): readonly Closable[] {
    const { session } = this;
    const left = () => this.#left();
    if (session) return [{ close: () => closeAll([session]).pipe(tap({ error: left, complete: left })) }];
    const opens = this.#opens;
    return opens ? [{ close: () => opens }] : [];
  }

  #opening<R extends Closable>(
    open: () => ObservableInput<R>,
    keep: (opened: R) => void,
    cancels: (opening: ObservableInput<R>) => boolean,
    ended = (): void => {},
  ): Observable<never> {
    return new Observable((subscriber) => {
      const opening = open();
      const kept = from(opening).pipe(concatMap((opened) => (this.#closed ? closeAll([opened]) : of(opened))));
      const subscription = kept.subscribe({
        next: keep,
        error: (error: unknown) => {
          ended();
          subscriber.error(error);
        },
        complete: () => {
          ended();
          subscriber.complete();
        },
      });
      return () => {
        if (cancels(opening)) subscription.unsubscribe();
      };
    });
  }
}

function openedBy(held: HeldWork | undefined, task: TaskInfo | undefined): Pick<OpenOptions, 'by'> {
  const membership = held?.membership();
  if (!membership) return {};
  const { memberId, generation } = membership;
  return { by: { memberId, generation, ...(task && { task: task.id }) } };
}

type Timing = Pick<ResolvedDriverOptions, 'owner' | 'interval' | 'dynamicInterval'>;

/** Slides are counted from the zero time. If that is not a batch time, windows end between batches and have no results. */
function checkInterval({ owner, interval, dynamicInterval }: Timing, session: CheckpointSession | undefined): void {
  const restored = session?.restored;
  if (restored === undefined || restored.zeroTime % (dynamicInterval?.maxInterval ?? interval) === 0) return;
  const option = dynamicInterval ? 'dynamicInterval.maxInterval' : 'interval';
  const rule = `does not fit the batch times of the checkpoint: its interval was ${restored.interval}`;
  throw new InvalidOptionError(owner, option, dynamicInterval?.maxInterval ?? interval, rule);
}
