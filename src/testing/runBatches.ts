import { defer, map, type Observable, Subscription } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { Batch } from '../batch/batch.js';
import type { BatchRun } from '../batch/batchContext.js';
import type { BatchState } from '../batch/batchState.js';
import { MarbleSyntaxError } from '../batch/errors.js';
import type { Partition } from '../batch/partition.js';
import { OpenBatch } from '../driver/openBatch.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, checkPositiveInteger, withMethods } from '../options/checks.js';
import { StateRegistry } from '../state/stateRegistry.js';
import { marbleAssertion } from './marbles/marbleAssertion.js';

/** Options of `runBatches`. */
export interface RunBatchesOptions {
  /**
   * Batch interval in virtual ms: batches are at its multiples only.
   * @default 1
   */
  readonly interval?: number | undefined;
  /** Where stateful operators keep their state. Default: memory, empty. */
  readonly state?: BatchState | undefined;
  /**
   * How actual and expected are compared. Default: by structure, with a `MarbleMismatchError` that shows both diagrams and
   * the first difference.
   */
  readonly assertDeepEqual?: ((actual: unknown, expected: unknown) => void) | undefined;
}

/** A batch that has completed, and when. */
export interface Completion {
  /** The batch time, in virtual ms. */
  readonly time: number;
  /** Virtual time at which its last hold was released. */
  readonly at: number;
}

/** The records of a batch: in one partition, or by partition. */
export type BatchValue<T> = readonly T[] | { readonly partitions: readonly (readonly T[])[] };

/** A stream made by marbles. */
export interface MarbleBatches<T> extends Observable<Batch<T>> {
  /** When it was subscribed to and unsubscribed, for `expectSubscriptions`. */
  readonly subscriptions: Subscriptions;
}

type Subscriptions = ReturnType<RunHelpers['cold']>['subscriptions'];

/** What `runBatches` passes to a test. */
export interface BatchRunHelpers extends RunHelpers {
  /** The scheduler of the virtual time. */
  readonly scheduler: TestScheduler;
  /**
   * A stream of batches by marbles. Each letter is a batch at its virtual time; `values` has its records, or a list of
   * partitions as `{ partitions: [...] }`. A letter without a value is a batch with the letter itself as its one record.
   *
   * Partitions that are listed are those of a log: each has offsets, and so an event time of its own, and has been read to its end
   * with each batch.
   *
   * All streams of a test belong to one driver, as those of `batchesFrom` do: batches of one virtual time share a context.
   *
   *     batches('-a--b-|', { a: [1, 2], b: [] })    // batch time 1: records 1 and 2; batch time 4: empty
   */
  batches<T = string>(
    marbles: string,
    values?: Readonly<Record<string, BatchValue<T>>>,
    error?: unknown,
  ): MarbleBatches<T>;
  /**
   * Expects the records of the batches that come out; by partition where the values say so. A letter without a value is a batch
   * with the letter itself as its one record.
   */
  expectBatches<T>(
    stream: Observable<Batch<T>>,
    unsubscription?: string | null,
  ): { toBe(marbles: string, values?: Readonly<Record<string, BatchValue<T>>>, error?: unknown): void };
  /** The batches that have completed so far, that is, whose holds are all released. */
  readonly completions: readonly Completion[];
  /** The errors that failed a batch, as the driver would receive them. */
  readonly failures: readonly unknown[];
}

const optionChecks: OptionChecks<RunBatchesOptions> = {
  interval: checkPositiveInteger,
  state: withMethods('keyed'),
  assertDeepEqual: checkFunction,
};

/**
 * Runs a test of batch operators in virtual time, with marbles whose letters are batches.
 *
 * @throws {MarbleMismatchError} when a stream or its subscriptions differ from their diagram
 * @throws {MarbleSyntaxError} if a batch is at a time that is not a multiple of the interval, or at 0
 * @throws {InvalidOptionError} if `interval` is not a positive integer
 *
 * @example
 * ```ts
 * import { mapRecords } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches, expectBatches, expectSubscriptions }) => {
 *   const source = batches('    -a-b-|', { a: [1, 2], b: [] });
 *   const subs = '              ^----!';
 *   const expected = '          -x-y-|';
 *   expectBatches(source.pipe(mapRecords((n) => n * 10))).toBe(expected, { x: [10, 20], y: [] });
 *   expectSubscriptions(source.subscriptions).toBe(subs);
 * });
 * console.log('passed');
 * // => passed
 * ```
 */
export function runBatches<R>(test: (helpers: BatchRunHelpers) => R, options: RunBatchesOptions = {}): R {
  checkFunction('runBatches', 'test', test);
  checkOptions('runBatches', options, optionChecks);
  const { interval = 1, state = new StateRegistry() } = options;
  const assertion = marbleAssertion();
  const scheduler = new TestScheduler(options.assertDeepEqual ?? assertion.assertDeepEqual);
  const completions: Completion[] = [];
  const failures: unknown[] = [];
  const ended = new Subscription();
  let streams = 0;

  const result = scheduler.run((helpers) => {
    const open = new Set<OpenBatch>();
    const run: BatchRun = { closed: false, open, whenClosed: (teardown) => ended.add(teardown) };
    const contextOf = (marbles: string): OpenBatch => {
      const time = scheduler.now();
      for (const context of open) if (context.time === time) return context;
      if (time <= 0 || time % interval !== 0) {
        const rule = `a batch must be at a multiple of the interval (${interval}) after 0`;
        throw new MarbleSyntaxError(marbles, time, rule);
      }
      const events = {
        complete: () => {
          const complete = () => {
            open.delete(context);
            completions.push({ time, at: scheduler.now() });
          };
          context.runLastActs().subscribe({ complete, error: (error: unknown) => events.fail(error) });
        },
        fail: (error: unknown) => {
          open.delete(context);
          failures.push(error);
        },
      };
      const fields = { time, interval, zeroTime: 0, inputs: {}, state, run };
      const context: OpenBatch = new OpenBatch(fields, events, () => scheduler.now());
      const hold = context.hold();
      // Dispatch ends in the same virtual millisecond, as it does in the driver.
      scheduler.schedule(() => hold.release());
      open.add(context);
      return context;
    };
    return test({
      ...helpers,
      scheduler,
      completions,
      failures,
      expectObservable: (stream, unsubscription) => {
        const expectation = helpers.expectObservable(stream, unsubscription);
        const toBe: typeof expectation.toBe = (marbles, values, error) => {
          assertion.name(values);
          expectation.toBe(marbles, values, error);
        };
        return { ...expectation, toBe };
      },
      batches: <T>(marbles: string, values?: Readonly<Record<string, BatchValue<T>>>, error?: unknown) => {
        const source = helpers.cold(marbles, values && lettersOf(marbles, values), error);
        const topic = `batches-${++streams}`;
        const stream = defer(() => {
          const untils: number[] = [];
          return source.pipe(
            map((value) => new Batch(partitionsAt<T>(value as Value<T>, topic, untils), contextOf(marbles))),
          );
        });
        return Object.assign(stream, { subscriptions: source.subscriptions });
      },
      expectBatches: (stream, unsubscription = null) => ({
        toBe: (marbles, given, error) => {
          const values = lettersOf(marbles, given ?? {});
          // If one value is by partition, all are: a list of records is then one partition.
          const whole = Object.values(values).every((value) => typeof value === 'string' || !('partitions' in value));
          const shape = whole ? ({ records }: Batch<unknown>) => records : byPartition;
          const expected = Object.fromEntries(
            Object.entries(values).map(([letter, value]) => {
              const partitions = partitionsOf<unknown>(value);
              return [letter, whole ? [...(partitions[0] ?? [])] : partitions];
            }),
          );
          assertion.name(expected);
          helpers.expectObservable(stream.pipe(map(shape)), unsubscription).toBe(marbles, expected, error);
        },
      }),
    });
  });
  ended.unsubscribe();
  return result;
}

type Value<T> = string | BatchValue<T>;

/** A letter without a value is its own value. */
function lettersOf<T>(marbles: string, values: Readonly<Record<string, Value<T>>>): Record<string, Value<T>> {
  const letters = [...marbles].filter((letter) => !values[letter] && /[^\s\-|#^!()]/.test(letter));
  return { ...Object.fromEntries(letters.map((letter) => [letter, letter])), ...values };
}

function partitionsOf<T>(value: Value<T>): readonly (readonly T[])[] {
  if (typeof value === 'string') return [[value as T]];
  return 'partitions' in value ? value.partitions : [value];
}

/** Partitions that a value names have offsets, as those of a log: each goes on where it was in the batch before (`untils`). */
function partitionsAt<T>(value: Value<T>, topic: string, untils: number[]): readonly Partition<T>[] {
  const named = typeof value !== 'string' && 'partitions' in value;
  return partitionsOf<T>(value).map((records, index) => {
    if (!named) return { index, records };
    const from = untils[index] ?? 0;
    const until = from + records.length;
    untils[index] = until;
    return { index, records, range: { topic, partition: index, from, until, end: 'caughtUp' } };
  });
}

function byPartition({ partitions }: Batch<unknown>): readonly (readonly unknown[])[] {
  return partitions.map(({ records }) => records);
}
