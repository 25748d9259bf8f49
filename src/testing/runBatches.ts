import { map, type Observable } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { Batch } from '../batch/batch.js';
import type { BatchState } from '../batch/batchState.js';
import { checkPositiveInteger } from '../batch/checks.js';
import { MarbleSyntaxError } from '../batch/errors.js';
import { OpenBatch } from '../batch/openBatch.js';
import { StateRegistry } from '../state/stateRegistry.js';

export interface RunBatchesOptions {
  /**
   * Batch interval in virtual ms: a batch may stand at its multiples only.
   * @default 1
   */
  readonly interval?: number;
  /** Where stateful operators keep their state. Default: memory, empty. */
  readonly state?: BatchState;
  /**
   * How actual and expected are compared. Default: by their JSON, with an Error that shows both.
   */
  readonly assertDeepEqual?: (actual: unknown, expected: unknown) => void;
}

/** A batch that has completed, and when. */
export interface Completion {
  readonly time: number;
  /** Virtual time at which its last hold was released. */
  readonly at: number;
}

export interface BatchRunHelpers extends RunHelpers {
  readonly scheduler: TestScheduler;
  /**
   * A stream of batches by marbles. Each letter is a batch at its virtual time; `values` gives its records, or a list of
   * partitions as `{ partitions: [...] }`. A letter without a value is a batch with the letter itself as its one record.
   *
   *     batches('-a--b-|', { a: [1, 2], b: [] })    // batch time 1: records 1 and 2; batch time 4: empty
   */
  batches<T = string>(
    marbles: string,
    values?: Readonly<Record<string, readonly T[] | { readonly partitions: readonly (readonly T[])[] }>>,
    error?: unknown,
  ): Observable<Batch<T>>;
  /** Expects the records of the batches that come out. */
  expectBatches<T>(
    stream: Observable<Batch<T>>,
    unsubscription?: string | null,
  ): { toBe(marbles: string, values?: Readonly<Record<string, readonly T[]>>, error?: unknown): void };
  /** The batches that have completed so far, that is, whose holds are all released. */
  readonly completions: readonly Completion[];
  /** What failed a batch, as the driver would be told. */
  readonly failures: readonly unknown[];
}

/**
 * Runs a test of batch operators in virtual time, with marbles whose letters are batches.
 *
 * @throws {MarbleSyntaxError} when a batch stands at a time that is no multiple of the interval, or at 0
 *
 * @example
 * ```ts
 * import { mapRecords } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches, expectBatches }) => {
 *   const source = batches('    -a-b-|', { a: [1, 2], b: [] });
 *   const expected = '          -x-y-|';
 *   expectBatches(source.pipe(mapRecords((n) => n * 10))).toBe(expected, { x: [10, 20], y: [] });
 * });
 * console.log('passed');
 * // => passed
 * ```
 */
export function runBatches<R>(test: (helpers: BatchRunHelpers) => R, options: RunBatchesOptions = {}): R {
  const { interval = 1, state = new StateRegistry(), assertDeepEqual = assertByJson } = options;
  checkPositiveInteger('runBatches', 'interval', interval);
  const scheduler = new TestScheduler(assertDeepEqual);
  const completions: Completion[] = [];
  const failures: unknown[] = [];

  return scheduler.run((helpers) => {
    const open = <T>(marbles: string, partitions: readonly (readonly T[])[]): Batch<T> => {
      const time = scheduler.now();
      if (time <= 0 || time % interval !== 0) {
        const rule = `a batch must stand at a multiple of the interval (${interval}) after 0`;
        throw new MarbleSyntaxError(marbles, time, rule);
      }
      const events = {
        complete: () => completions.push({ time, at: scheduler.now() }),
        fail: (error: unknown) => failures.push(error),
      };
      const context = new OpenBatch({ time, interval, zeroTime: 0, inputs: {}, state }, events, () => scheduler.now());
      const hold = context.hold();
      // Dispatch ends in the same virtual millisecond, as it does in the driver.
      scheduler.schedule(() => hold.release());
      return new Batch(
        partitions.map((records, index) => ({ index, records })),
        context,
      );
    };
    return test({
      ...helpers,
      scheduler,
      completions,
      failures,
      batches: (marbles, values, error) =>
        helpers
          .cold(marbles, values && lettersOf(marbles, values), error)
          .pipe(map((value) => open(marbles, partitionsOf(value as never)))),
      expectBatches: (stream, unsubscription = null) => ({
        toBe: (marbles, values, error) =>
          helpers
            .expectObservable(stream.pipe(map(({ records }) => records)), unsubscription)
            .toBe(marbles, values, error),
      }),
    });
  });
}

type Value<T> = string | readonly T[] | { readonly partitions: readonly (readonly T[])[] };

/** Letters without a value stand for themselves. */
function lettersOf<T>(marbles: string, values: Readonly<Record<string, Value<T>>>): Record<string, Value<T>> {
  const letters = [...marbles].filter((letter) => !values[letter] && /[^\s\-|#^!()]/.test(letter));
  return { ...Object.fromEntries(letters.map((letter) => [letter, letter])), ...values };
}

function partitionsOf<T>(value: Value<T>): readonly (readonly T[])[] {
  if (typeof value === 'string') return [[value as T]];
  return 'partitions' in value ? value.partitions : [value];
}

function assertByJson(actual: unknown, expected: unknown): void {
  const [a, b] = [actual, expected].map((side) => JSON.stringify(side, showHidden, 1));
  if (a !== b) throw new Error(`expected\n${b}\nbut came\n${a}`);
}

/** What JSON would leave out or make equal. */
function showHidden(_: string, value: unknown): unknown {
  if (value === undefined) return '«undefined»';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `«${value}»`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
