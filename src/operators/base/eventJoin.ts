import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { MissingEventTimeError } from '../../batch/errors.js';
import { type BatchEventTime, EventClock, eventTimeOf } from '../../batch/eventTime.js';
import { addEventTimeCounts } from '../../batch/eventTimeCounts.js';
import type { Key, Pair } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { SideOutput } from '../../batch/sideOutput.js';
import { checkOwnKey } from '../../collections/ownKeys.js';
import { checkPair } from '../../collections/pairs.js';
import type { LateRecord } from '../eventWindowOptions.js';
import { visitPartition } from '../fusion/visitRecords.js';
import { alignBatches, checkStream } from './alignBatches.js';
import { eventResults } from './eventResults.js';
import { feeding, type NamedFeed } from './feeding.js';
import { lateRecord } from './lateRecord.js';
import { perBatchWithState } from './perBatchWithState.js';
import { type Shown, shownIn } from './queryableOption.js';
import type { WaitingRecord } from './waitingRecord.js';

/** The late outputs of a join by event time, and the name of its state. */
export interface EventJoinOptions<K, L, R> {
  readonly late?: SideOutput<LateRecord<Pair<K, L>>> | undefined;
  readonly lateOther?: SideOutput<LateRecord<Pair<K, R>>> | undefined;
  readonly id?: string | undefined;
  readonly queryable?: Shown | undefined;
}

/** What one stream brings with a batch. */
export interface JoinInput<K, V> {
  /** The watermark of the stream after the batch, in ms. */
  readonly after: number;
  /** Calls `take` with each record that is on time; the clock shows its event time. */
  visit(take: (key: K, value: V, clock: EventClock) => void): void;
}

/** A result with its event time, in ms. */
export type TimedResult<Out> = readonly [result: Out, time: number];

export interface EventJoinSettings<K extends Key, L, R, S, Out> {
  readonly operator: string;
  readonly other: Observable<Batch<Pair<K, R>>>;
  readonly options: EventJoinOptions<K, L, R>;
  readonly signature: string;
  /** What a `queryable` shows of a saved row. */
  show(row: S): WaitingRecord<K, L | R>;
  /**
   * Called with the state, which a checkpoint may have restored, where somebody keeps or reads it: returns what a batch of both streams
   * results in.
   */
  create(
    state: KeyedState<number, S> | undefined,
  ): (left: JoinInput<K, L>, right: JoinInput<K, R>) => readonly TimedResult<Out>[];
}

/**
 * Makes every join of two streams by event time. A record is late if it is older than the watermark of its partition just before it; the
 * watermark of the results is the smaller one of the streams.
 */
export function eventJoin<K extends Key, L, R, S, Out>(
  settings: EventJoinSettings<K, L, R, S, Out>,
): OperatorFunction<Batch<Pair<K, L>>, Batch<Out>> {
  const { operator, other, options, signature } = settings;
  const { late, lateOther, id, queryable } = options;
  const description = {
    operator,
    id,
    signature,
    queryable: shownIn<number, S, unknown>(queryable, settings.show),
  };
  checkStream(operator, 'other', other);

  const joined = perBatchWithState<readonly Batch<unknown>[], Out, number, S>(description, (state) => {
    const join = settings.create(id === undefined && !queryable ? undefined : state);
    const left = new JoinStream<K, L>({ operator, id }, late);
    const right = new JoinStream<K, R>({ operator, id }, lateOther);
    return (aligned) => {
      const [lefts, rights] = aligned.records[0] as readonly [Batch<Pair<K, L>>, Batch<Pair<K, R>>];
      const inputs = [left.input(lefts), right.input(rights)] as const;
      const results = join(...inputs);
      left.feedLate(lefts);
      right.feedLate(rights);
      const before = Math.min(inputs[0].before, inputs[1].before);
      const after = Math.min(inputs[0].after, inputs[1].after);
      return eventResults(
        aligned.context,
        { before, after },
        results.map(([result]) => result),
        () => results.map(([, time]) => time),
      );
    };
  });
  const feeds: NamedFeed[] = [
    ...(late ? [['late', late, SideOutput.feedOf(late)] as const] : []),
    ...(lateOther ? [['lateOther', lateOther, SideOutput.feedOf(lateOther)] as const] : []),
  ];
  return feeding(operator, feeds, (source) => alignBatches(operator, [source, other]).pipe(joined));
}

/** One of the streams of a join. */
class JoinStream<K extends Key, V> {
  readonly #owner: { readonly operator: string; readonly id: string | undefined };
  readonly #side: SideOutput<LateRecord<Pair<K, V>>> | undefined;
  #late: LateRecord<Pair<K, V>>[] = [];
  /** The watermark after its last batch. */
  #last = -Infinity;

  constructor(
    owner: { readonly operator: string; readonly id: string | undefined },
    side: SideOutput<LateRecord<Pair<K, V>>> | undefined,
  ) {
    this.#owner = owner;
    this.#side = side;
  }

  input(batch: Batch<Pair<K, V>>): JoinInput<K, V> & Pick<BatchEventTime, 'before' | 'after'> {
    const eventTime = this.#eventTimeOf(batch);
    const { clock, before } = eventTime;
    const owner = this.#owner;
    this.#late = [];
    const late = this.#late;
    const setLast = (after: number): number => {
      this.#last = after;
      return after;
    };
    return {
      before,
      get after() {
        return setLast(eventTime.after);
      },
      visit(take) {
        const visit = (given: unknown): void => {
          const record = given as Pair<K, V>;
          checkPair(owner.operator, record);
          checkOwnKey(owner.operator, record[0]);
          if (clock.time < clock.floor) late.push(lateRecord(record, clock, before));
          else take(record[0], record[1], clock);
        };
        for (let i = 0; i < batch.partitions.length; i++) visitPartition([], batch, i, visit, { last: owner });
      },
    };
  }

  feedLate(batch: Batch<Pair<K, V>>): void {
    addEventTimeCounts(batch.context, { late: this.#late.length });
    if (this.#side) SideOutput.feedOf(this.#side).next(batch.withRecords(this.#late));
  }

  #eventTimeOf(batch: Batch<unknown>): BatchEventTime {
    const eventTime = eventTimeOf(batch);
    if (eventTime) return eventTime;
    // A batch that an operator on the way has swallowed has no partitions: the stream is where it was.
    if (batch.partitions.length > 0) throw new MissingEventTimeError(this.#owner.operator);
    return { before: this.#last, after: this.#last, clock: new EventClock() };
  }
}
