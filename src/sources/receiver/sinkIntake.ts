import { isObservable, Observable, type ObservableInput, Subject, type TeardownLogic, takeUntil } from 'rxjs';
import { isAcknowledged } from './acknowledged.js';
import type { AcknowledgedSource, Arrival, Intake, IntakeEvents, Receiver, ReceiverSink } from './receiver.js';

type SinkReceiver<T> = Extract<Receiver<T>, (...parameters: never[]) => unknown>;

/** Calls a receiver that is a function, and listens to its sink or to the source that it returns. */
export class SinkIntake<T> implements Intake {
  readonly #receiver: SinkReceiver<T>;
  readonly #events: IntakeEvents<T>;
  readonly #intakeOf: (source: Exclude<Receiver<T>, SinkReceiver<T>>) => Intake;
  readonly #left = new Subject<void>();
  #inner: Intake | undefined;
  #closed = false;
  /** Whether it has learnt in this turn of the event loop that there is no room. */
  #told = false;
  /** Called as soon as there is room. */
  #waiting: (() => void)[] = [];

  constructor(
    receiver: SinkReceiver<T>,
    events: IntakeEvents<T>,
    intake: (source: Exclude<Receiver<T>, SinkReceiver<T>>) => Intake,
  ) {
    this.#receiver = receiver;
    this.#events = events;
    this.#intakeOf = intake;
  }

  start(): void {
    const { store, fail, complete } = this.#events;
    new Observable<Arrival<T>>((subscriber) => {
      const events = this.#events;
      const hand = (arrival: Arrival<T>): boolean => {
        if (this.#told && events.room()) this.#told = false;
        subscriber.next(this.#told ? { ...arrival, inHand: true } : arrival);
        const room = !subscriber.closed && events.room();
        if (!room && !this.#told) this.#tell();
        return room;
      };
      const promised = (records: readonly T[], block: boolean) =>
        new Promise<void>((stored, reject) => {
          hand({ records, block, stored, refused: reject, dropped: reject });
        });
      const sink: ReceiverSink<T> = {
        index: events.index,
        resumeFrom: events.resumeFrom,
        store: (record, stored, refused) => hand({ records: [record], stored, refused }),
        storeBlock: (records, stored, refused) => hand({ records, block: true, stored, refused }),
        storeAt: (position, record, stored, refused) => hand({ records: [record], position, stored, refused }),
        write: (record) => promised([record], false),
        writeBlock: (records) => promised(records, true),
        room: () => !subscriber.closed && events.room(),
        whenRoom: (listener) => {
          if (events.room()) listener();
          else this.#waiting.push(listener);
        },
        connected: () => {
          if (!subscriber.closed) events.connected();
        },
        reportError: (error) => {
          if (!subscriber.closed) events.reportError(error);
        },
        complete: () => subscriber.complete(),
        fail: (error) => subscriber.error(error),
      };
      const returned = this.#receiver(sink);
      return isSource(returned) ? this.#startInner(returned) : returned;
    })
      .pipe(takeUntil(this.#left))
      .subscribe({
        next: (arrival) => store(arrival),
        error: (error: unknown) => fail(error),
        complete: () => {
          if (!this.#closed) complete();
        },
      });
  }

  resume(): void {
    this.#inner?.resume();
    while (!this.#closed && this.#waiting.length > 0 && this.#events.room()) this.#waiting.shift()?.();
  }

  close(): void {
    this.#closed = true;
    this.#left.next();
  }

  /** What it stores in this turn it had in hand when it heard: the other lines of a chunk, say. */
  #tell(): void {
    this.#told = true;
    this.#events.afterTurn(() => {
      this.#told = false;
    });
  }

  #startInner(source: Exclude<Receiver<T>, SinkReceiver<T>>): () => void {
    const inner = this.#intakeOf(source);
    this.#inner = inner;
    if (!this.#closed) inner.start();
    return () => inner.close();
  }
}

/** A subscription and a function are teardowns. */
function isSource<T>(
  returned: TeardownLogic | ObservableInput<T> | AcknowledgedSource<T>,
): returned is ObservableInput<T> | AcknowledgedSource<T> {
  if (typeof returned === 'string') return true;
  if (typeof returned !== 'object' || returned === null) return false;
  if (isObservable(returned) || isAcknowledged(returned)) return true;
  return ['then', 'getReader', Symbol.asyncIterator, Symbol.iterator].some((name) => name in returned);
}
