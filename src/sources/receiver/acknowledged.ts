import { from, isObservable, type ObservableInput } from 'rxjs';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { checkFunction } from '../../options/checks.js';
import { checkReceiver } from './checkReceiver.js';
import type { AcknowledgedSource, Arrival, IntakeEvents, Receiver } from './receiver.js';

/** Something received together with how it is acknowledged. */
export interface Acknowledgeable<T> {
  /** The record. */
  readonly record: T;
  /** Acknowledges it to its sender. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a synchronous acknowledgement returns nothing
  readonly ack: () => ObservableInput<unknown> | void;
}

/** How `acknowledged` takes records out of what a source yields, and acknowledges them. */
export interface AcknowledgedOptions<M, T> {
  /** Acknowledges an item to its sender, once its record is stored. What it returns is waited for; an error fails the receiver. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a synchronous acknowledgement returns nothing
  readonly ack: (item: M) => ObservableInput<unknown> | void;
  /**
   * The record of an item.
   * @default the item itself
   */
  readonly record?: ((item: M) => T) | undefined;
  /**
   * Tells the sender that an item can never be stored: the write-ahead log could not read its record back.
   * @default none: such an item fails the receiver
   */
  readonly refuse?: ((item: M, error: unknown) => void) | undefined;
}

const acknowledgedChecks: OptionChecks<AcknowledgedOptions<never, never>> = {
  ack: required(checkFunction),
  record: checkFunction,
  refuse: checkFunction,
};

/** Whether a receiver is what `acknowledged` returns. */
export function isAcknowledged<T>(receiver: unknown): receiver is AcknowledgedSource<T> {
  return receiver instanceof AcknowledgedItems;
}

class AcknowledgedItems<T> implements AcknowledgedSource<T> {
  readonly source: Receiver<unknown>;
  readonly #options: AcknowledgedOptions<unknown, T>;

  constructor(source: Receiver<unknown>, options: AcknowledgedOptions<unknown, T>) {
    this.source = source;
    this.#options = options;
  }

  eventsOf(events: IntakeEvents<T>): IntakeEvents<unknown> {
    const { ack, record = (item) => item as T, refuse } = this.#options;
    return {
      ...events,
      room: () => events.room(),
      store: (arrival: Arrival<unknown>) => {
        const { records: items, stored, refused } = arrival;
        events.store({
          ...arrival,
          records: items.map((item) => record(item)),
          stored: () => {
            for (const item of items) settle(ack(item), (error) => events.fail(error));
            stored?.();
          },
          refused: refuse
            ? (error) => {
                for (const item of items) refuse(item, error);
              }
            : refused,
        });
      },
    };
  }
}

/**
 * Wraps a source whose items are to be acknowledged to their sender, such as the messages of a queue: `ack` is called once the
 * record of an item is stored, with a write-ahead log once it is durable. Without options the items are
 * `{ record, ack }` themselves. The source is anything that a receiver may be: a pulled one is still pulled.
 *
 * @throws {InvalidOptionError} when `ack`, `record` or `refuse` is set and not a function
 *
 * @example
 * ```ts
 * import { acknowledged, foreachBatch, receiverBatches } from 'dstream';
 *
 * const queue = [{ id: 1, text: 'a' }, { id: 2, text: 'b' }];
 * const messages = acknowledged(queue, { record: ({ text }) => text, ack: ({ id }) => console.log(`ack ${id}`) });
 * receiverBatches(messages, { interval: 5 })
 *   .pipe(foreachBatch((records) => console.log(records)))
 *   .subscribe();
 * // => ack 1
 * // => ack 2
 * // => [ 'a', 'b' ]
 * ```
 */
export function acknowledged<T>(source: Receiver<Acknowledgeable<T>>): AcknowledgedSource<T>;
export function acknowledged<M, T = M>(source: Receiver<M>, options: AcknowledgedOptions<M, T>): AcknowledgedSource<T>;
export function acknowledged(
  source: Receiver<unknown>,
  options?: AcknowledgedOptions<never, unknown>,
): AcknowledgedSource<unknown> {
  const given = (options === undefined ? carried : options) as AcknowledgedOptions<unknown, unknown>;
  checkReceiver('acknowledged', 'source', source);
  checkOptions('acknowledged', given, acknowledgedChecks);
  return new AcknowledgedItems(source, given);
}

const carried: AcknowledgedOptions<Acknowledgeable<unknown>, unknown> = {
  ack: (item) => item.ack(),
  record: (item) => item.record,
};

function settle(answer: unknown, failed: (error: unknown) => void): void {
  if (typeof answer !== 'object' || answer === null) return;
  if (isObservable(answer) || 'then' in answer) {
    from(answer as ObservableInput<unknown>).subscribe({ error: failed });
  }
}
