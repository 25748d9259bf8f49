import {
  type Aggregator,
  aggregateByEventWindow,
  aggregateByKey,
  aggregateByKeyAndEventWindow,
  aggregateByKeyAndWindow,
  aggregateByWindow,
  asOfJoin,
  type Batch,
  cogroup,
  concatMapBatch,
  countBatch,
  countByValue,
  countByValueAndWindow,
  countByWindow,
  countDistinctByWindow,
  deduplicate,
  deduplicateByEventTime,
  eventSessionWindow,
  eventTime,
  filterBatches,
  filterRecords,
  flatMapRecords,
  flatMapValues,
  foreachBatch,
  foreachPartition,
  foreachPartitionOnce,
  fullOuterJoin,
  glom,
  groupByKey,
  groupByKeyAndEventWindow,
  groupByKeyAndWindow,
  intervalJoin,
  join,
  joinTable,
  type LateRecord,
  leftOuterJoin,
  limitRate,
  mapPartitions,
  mapRecords,
  mapValues,
  mapWithState,
  type Pair,
  partitionBy,
  printBatches,
  queryable,
  reduceBatch,
  reduceByKey,
  reduceByKeyAndEventWindow,
  reduceByKeyAndWindow,
  reduceByWindow,
  repartition,
  rightOuterJoin,
  runningReduce,
  type StateHandle,
  sessionWindow,
  sideOutput,
  transformBatch,
  transformBatches,
  unionBatches,
  updateStateByKey,
  window,
  windowByCount,
} from 'dstream';
import { count, first, last, max, mean, min, set, topN, variance } from 'dstream/aggregators';
import { type KafkaCheckpoint, mergeTasks, sendInTransaction, sendToKafka, shuffleTopic } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, saveAsObjectFiles, saveAsTextFiles } from 'dstream/node';
import { mapPartitionsInThreads } from 'dstream/workers';
import type { Kafka } from 'kafkajs';
import { EMPTY, type Observable } from 'rxjs';

// What does not compile, operator by operator. Nothing here runs: the compiler is the test (npm run types).

interface User {
  readonly id: number;
}

const plain = EMPTY as Observable<string>;
const words = EMPTY as Observable<Batch<string>>;
const users = EMPTY as Observable<Batch<User>>;
const pairs = EMPTY as Observable<Batch<Pair<string, number>>>;
const byUser = EMPTY as Observable<Batch<Pair<User, number>>>;
const [kafka, checkpoint] = [{} as Kafka, {} as PostgresCheckpoint];

const sum = (a: number, b: number): number => a + b;
const size = ({ length }: string): number => length;
const updated = (values: readonly number[], total = 0): number => values.reduce(sum, total);
const counted = (_key: string, value = 0, state: StateHandle<number>): number => value + (state.get() ?? 0);

/** What takes pairs takes nothing else, and no objects for keys: two that look the same would be two keys. */
export const keyed = () => {
  // @ts-expect-error words are no pairs
  words.pipe(aggregateByKey(count()));
  // @ts-expect-error words are no pairs
  words.pipe(aggregateByKeyAndWindow(count(), { window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(aggregateByKeyAndEventWindow(count(), { window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(reduceByKeyAndEventWindow(sum, { window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(groupByKeyAndEventWindow({ window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(eventSessionWindow({ gap: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(asOfJoin(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(intervalJoin(pairs, { lower: 0, upper: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(cogroup(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(flatMapValues((value) => [value]));
  // @ts-expect-error words are no pairs
  words.pipe(fullOuterJoin(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(groupByKey());
  // @ts-expect-error words are no pairs
  words.pipe(groupByKeyAndWindow({ window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(join(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(leftOuterJoin(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(mapValues((value) => value));
  // @ts-expect-error words are no pairs
  words.pipe(mapWithState(counted));
  // @ts-expect-error words are no pairs
  words.pipe(partitionBy(2));
  // @ts-expect-error words are no pairs
  words.pipe(reduceByKey(sum));
  // @ts-expect-error words are no pairs
  words.pipe(reduceByKeyAndWindow(sum, { window: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(rightOuterJoin(pairs));
  // @ts-expect-error words are no pairs
  words.pipe(sessionWindow({ gap: 1 }));
  // @ts-expect-error words are no pairs
  words.pipe(updateStateByKey(updated));

  // @ts-expect-error an object is no key
  byUser.pipe(asOfJoin(pairs));
  // @ts-expect-error an object is no key
  byUser.pipe(intervalJoin(pairs, { lower: 0, upper: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(aggregateByKey(count()));
  // @ts-expect-error an object is no key
  byUser.pipe(aggregateByKeyAndWindow(count(), { window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(aggregateByKeyAndEventWindow(count(), { window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(reduceByKeyAndEventWindow(sum, { window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(groupByKeyAndEventWindow({ window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(eventSessionWindow({ gap: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(cogroup(byUser));
  // @ts-expect-error an object is no key
  byUser.pipe(flatMapValues((value) => [value]));
  // @ts-expect-error an object is no key
  byUser.pipe(fullOuterJoin(byUser));
  // @ts-expect-error an object is no key
  byUser.pipe(groupByKey());
  // @ts-expect-error an object is no key
  byUser.pipe(groupByKeyAndWindow({ window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(join(byUser));
  // @ts-expect-error an object is no key
  byUser.pipe(leftOuterJoin(byUser));
  // @ts-expect-error an object is no key
  byUser.pipe(mapValues((value) => value));
  // @ts-expect-error an object is no key
  byUser.pipe(mapWithState((_, value: number | undefined) => value));
  // @ts-expect-error an object is no key
  byUser.pipe(partitionBy(2));
  // @ts-expect-error an object is no key
  byUser.pipe(reduceByKey(sum));
  // @ts-expect-error an object is no key
  byUser.pipe(reduceByKeyAndWindow(sum, { window: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(rightOuterJoin(byUser));
  // @ts-expect-error an object is no key
  byUser.pipe(sessionWindow({ gap: 1 }));
  // @ts-expect-error an object is no key
  byUser.pipe(updateStateByKey(updated));
};

/** What counts records by what they are, or knows them again. */
export const byValue = () => {
  // @ts-expect-error an object is no key
  users.pipe(countByValue());
  // @ts-expect-error an object is no key
  users.pipe(countByValueAndWindow({ window: 1 }));
  // @ts-expect-error an object is no key
  users.pipe(countDistinctByWindow({ window: 1 }));
  // @ts-expect-error an object is no id
  users.pipe(deduplicate((user) => user, { window: 1 }));
  // @ts-expect-error an object is no id
  users.pipe(deduplicateByEventTime((user) => user));
  // @ts-expect-error records are users
  users.pipe(deduplicate(size, { window: 1 }));
  // @ts-expect-error for how long?
  users.pipe(deduplicate(({ id }) => id));
};

/** State: of one type, whoever reads, begins or migrates it. */
export const state = () => {
  // @ts-expect-error values are numbers
  pairs.pipe(mapWithState((_, value: string | undefined) => value));
  // @ts-expect-error keys are strings
  pairs.pipe(mapWithState((key: number) => key));
  // @ts-expect-error the initial state is another
  pairs.pipe(mapWithState(counted, { initialState: [['a', 'b']] }));
  // @ts-expect-error the migrated state is another
  pairs.pipe(mapWithState(counted, { migrate: () => 'b' }));
  // @ts-expect-error so is the one that is read
  pairs.pipe(mapWithState(counted, { queryable: queryable<string, string>() }));
  // @ts-expect-error a state that is put is of its type
  pairs.pipe(mapWithState((_, value, state: StateHandle<string>) => state.update(value)));
  // @ts-expect-error values are numbers
  pairs.pipe(updateStateByKey((values: readonly string[]) => values[0]));
  // @ts-expect-error the state that comes is the one that was given
  pairs.pipe(updateStateByKey((values: readonly number[], old: string | undefined) => size(old ?? '') + values.length));
  // @ts-expect-error the initial state is another
  pairs.pipe(updateStateByKey(updated, { initialState: [['a', 'b']] }));
  // @ts-expect-error the migrated state is another
  pairs.pipe(updateStateByKey(updated, { migrate: () => 'b' }));
  // @ts-expect-error called for all, or for those that are touched
  pairs.pipe(updateStateByKey(updated, { call: 'some' }));
  // @ts-expect-error words are no numbers
  words.pipe(runningReduce(sum));
};

/** Event time: of the records that come, and late ones as they are. */
export const byEventTime = () => {
  // @ts-expect-error a Date is no number of milliseconds
  words.pipe(eventTime({ timestamp: () => new Date(), outOfOrderness: 0 }));
  // @ts-expect-error how much disorder is allowed?
  words.pipe(eventTime({ timestamp: size }));
  // @ts-expect-error records are words
  words.pipe(eventTime({ timestamp: ({ id }: User) => id, outOfOrderness: 0 }));
  // @ts-expect-error values are words
  words.pipe(aggregateByEventWindow(mean(), { window: 1 }));
  // @ts-expect-error late records are words
  words.pipe(aggregateByEventWindow(count(), { window: 1, late: sideOutput<LateRecord<number>>() }));
  // @ts-expect-error an Observable is no side output
  words.pipe(aggregateByEventWindow(count(), { window: 1, late: words }));
  words.pipe(
    aggregateByEventWindow(count(), { window: 1 }),
    // @ts-expect-error a window that comes once does not say that it is final
    filterRecords(({ final }) => final),
  );
  words.pipe(
    aggregateByEventWindow(count(), { window: 1, emit: 'changes' }),
    filterRecords(({ final }) => final),
  );
  // @ts-expect-error sessions have no corrections
  pairs.pipe(eventSessionWindow({ gap: 1, emit: 'corrections' }));
  // @ts-expect-error within what?
  pairs.pipe(intervalJoin(pairs, { lower: 0 }));
  pairs.pipe(
    intervalJoin(pairs, { lower: 0, upper: 1, join: 'left' }),
    // @ts-expect-error there may be no other
    mapValues(({ right }) => right.toFixed()),
  );
  pairs.pipe(
    intervalJoin(pairs, { lower: 0, upper: 1 }),
    mapValues(({ left, right }) => left.toFixed() + right.toFixed()),
  );
  pairs.pipe(
    asOfJoin(pairs),
    // @ts-expect-error there may be no other
    mapValues(({ right }) => right.toFixed()),
  );
  pairs.pipe(
    asOfJoin(pairs, { join: 'inner' }),
    mapValues(({ left, right }) => left.toFixed() + right.toFixed()),
  );
  // @ts-expect-error a table has pairs: a key and its row
  pairs.pipe(joinTable(words));
  // @ts-expect-error late records are pairs
  pairs.pipe(asOfJoin(pairs, { late: sideOutput<LateRecord<string>>() }));
};

/** What cannot be taken out again has no inverse. */
export const inverses = () => {
  const inverse = { window: 1, inverse: true } as const;
  // @ts-expect-error no inverse
  aggregateByWindow(first<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(last<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(max(), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(min(), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(set<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(topN(2), inverse);
  // @ts-expect-error no inverse
  aggregateByWindow(variance(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(variance(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(first<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(last<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(max(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(min(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(set<number>(), inverse);
  // @ts-expect-error no inverse
  aggregateByKeyAndWindow(topN(2), inverse);
  // @ts-expect-error an inverse of another type
  words.pipe(reduceByWindow((a, b) => a + b, { window: 1, inverse: sum }));
  // @ts-expect-error an inverse of another type
  pairs.pipe(reduceByKeyAndWindow(sum, { window: 1, inverse: (a: string, b: string) => a + b }));
};

/** The user's function takes the records that there are. */
export const functions = () => {
  const half = (n: number): number => n / 2;
  // @ts-expect-error words are no numbers
  words.pipe(mapRecords(half));
  // @ts-expect-error words are no numbers
  words.pipe(filterRecords((n: number) => n > 0));
  // @ts-expect-error words are no numbers
  words.pipe(flatMapRecords((n: number) => [n]));
  // @ts-expect-error a number is no list
  words.pipe(flatMapRecords(size));
  // @ts-expect-error values are numbers
  pairs.pipe(mapValues(size));
  // @ts-expect-error a number is no list
  pairs.pipe(flatMapValues(half));
  // @ts-expect-error a number is no list
  words.pipe(mapPartitions(({ records }) => records.length));
  // @ts-expect-error words are no numbers
  words.pipe(mapPartitionsInThreads<number, number>(new URL('file:///job.js')));
  // @ts-expect-error a number is no list
  words.pipe(transformBatch((records) => records.length));
  // @ts-expect-error a number is no list
  words.pipe(transformBatches(pairs, (records, others) => records.length + others.length));
  // @ts-expect-error words are no numbers
  words.pipe(reduceBatch(sum));
  // @ts-expect-error two records make one of their type
  words.pipe(reduceBatch((a, b) => a.length + b.length));
  // @ts-expect-error values are numbers
  pairs.pipe(reduceByKey((a: string, b: string) => a + b));
  // @ts-expect-error values are numbers
  pairs.pipe(aggregateByKey({} as Aggregator<string, string, string>));
  // @ts-expect-error words are no numbers
  words.pipe(reduceByWindow(sum, { window: 1 }));
  // @ts-expect-error words are no numbers
  words.pipe(aggregateByWindow(max<number>(), { window: 1 }));
  // @ts-expect-error words are no numbers
  words.pipe(filterBatches((records: readonly number[]) => records.length > 0));
  // @ts-expect-error nothing to wait for
  words.pipe(concatMapBatch((records) => records.length));
  // @ts-expect-error keys are strings
  pairs.pipe(partitionBy(2, (key: number) => key));
};

/** Outputs: of the records that there are, into what takes them. */
export const outputs = () => {
  // @ts-expect-error words are no numbers
  words.pipe(foreachBatch((records: readonly number[]) => records.length));
  // @ts-expect-error the name of an output is a text
  words.pipe(foreachBatch(() => {}, { id: 1 }));
  // @ts-expect-error words are no numbers
  words.pipe(foreachPartition(({ records }: Partition<number>) => records.length));
  // @ts-expect-error it must be said what was written
  words.pipe(foreachPartitionOnce(() => {}, {}));
  // @ts-expect-error words are no numbers
  words.pipe(printBatches({ format: (n: number) => `${n}` }));
  // @ts-expect-error files have names
  words.pipe(saveAsTextFiles());
  // @ts-expect-error no such policy
  words.pipe(saveAsTextFiles('words', { onError: 'ignore' }));
  // @ts-expect-error files have names
  words.pipe(saveAsObjectFiles());
  // @ts-expect-error words are no messages
  words.pipe(sendToKafka(kafka, { topic: 'words', groupId: 'g' }));
  // @ts-expect-error words are no numbers
  words.pipe(mergeTasks<number>({ topic: 't', tasks: 1, merge: Math.max }).write(kafka, { groupId: 'g' }));
  // @ts-expect-error it needs to know how many tasks there are
  mergeTasks<number>({ topic: 't', merge: Math.max });
  // @ts-expect-error words are no messages
  words.pipe(sendInTransaction({} as KafkaCheckpoint, { topic: 'words' }));
  // @ts-expect-error a checkpoint without transactions of Kafka
  EMPTY.pipe(sendInTransaction(checkpoint, { topic: 'words' }));
  // @ts-expect-error the group names the transactions
  EMPTY.pipe(sendToKafka(kafka, { topic: 'words' }));
  // @ts-expect-error a client of kafkajs, not its brokers
  EMPTY.pipe(sendToKafka(['localhost:9092'], { topic: 'words', groupId: 'g' }));
  // @ts-expect-error words are no numbers
  words.pipe(shuffleTopic<number>({ topic: 'numbers', key: (n) => n }).write(kafka, { groupId: 'g' }));
  // @ts-expect-error words are no numbers
  words.pipe(foreachBatchInTransaction(checkpoint, (_, records: readonly number[]) => records));
  // @ts-expect-error a checkpoint without transactions
  words.pipe(foreachBatchInTransaction({} as import('dstream').Checkpoint, () => {}));
};

/** A stream of records is not one of batches; and a number, or what it is by, is needed. */
export const streams = () => {
  // @ts-expect-error not in batches
  plain.pipe(countBatch());
  // @ts-expect-error not in batches
  plain.pipe(glom());
  // @ts-expect-error not in batches
  plain.pipe(repartition(2));
  // @ts-expect-error not in batches
  plain.pipe(window({ window: 1 }));
  // @ts-expect-error not in batches
  plain.pipe(windowByCount({ count: 1 }));
  // @ts-expect-error not in batches
  plain.pipe(countByWindow({ window: 1 }));
  // @ts-expect-error not in batches
  words.pipe(unionBatches(plain));
  // @ts-expect-error a window has a length
  words.pipe(window({ slide: 1 }));
  // @ts-expect-error a window has a length
  words.pipe(countByWindow({ slide: 1 }));
  // @ts-expect-error into how many?
  words.pipe(repartition());
  // @ts-expect-error no limiter
  words.pipe(limitRate({ limiter: 5 }));
  // @ts-expect-error no such policy
  words.pipe(limitRate({ rate: 1, overflow: 'wait' }));
  // @ts-expect-error the Observer takes dropped values
  words.pipe(limitRate({ rate: 1, dropObserver: { next: (dropped: string) => dropped } }));
  // @ts-expect-error what passes stays what it is
  const numbers: Observable<Batch<number>> = words.pipe(limitRate({ rate: 1 }));
  return numbers;
};
