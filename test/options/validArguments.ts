import * as dstream from 'dstream';
import { kafkaCheckpoint } from 'dstream/kafka';
import { type PostgresPool, postgresCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import promClient from 'prom-client';
import { from } from 'rxjs';

const nothing = () => undefined;
const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING });
const log = dstream.memoryLog({ topics: { t: 1 } });
const stream = dstream.fromBatches<unknown>([], { interval: 5 });
const driver = { interval: 10 };
const logOptions = { topics: ['t'], deserialize: dstream.string() };
const window = { window: 10 };
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const pool = { connect: () => Promise.reject(new Error('there is no server')) } as unknown as PostgresPool;
const aggregator = { name: 'n', identity: 0, lift: nothing, combine: nothing, lower: nothing };
// A schema of a class: a copy of it is a plain object, and so options.
const schema = Object.create({ '~standard': { version: 1, vendor: 'test', validate: nothing } });
/** A checkpoint with a state. */
function savedCheckpoint(): dstream.Checkpoint {
  const checkpoint = dstream.memoryCheckpoint();
  from(checkpoint.open()).subscribe((session) => {
    const state = { id: 'counts', operator: 'updateStateByKey', signature: '', version: 0, set: [], deleted: [] };
    const changes = [session.encode(state)];
    from(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes })).subscribe();
  });
  return checkpoint;
}
// No file is touched before a subscription.
const directory = '/tmp/dstream-options';

/**
 * Arguments that each public function accepts, such that every option may be added to them. A function made later needs an entry here;
 * an option that is added later does not.
 */
export const validArguments: Readonly<Record<string, () => readonly unknown[]>> = {
  dropState: () => [savedCheckpoint(), 'counts'],
  exportCheckpoint: () => [savedCheckpoint(), ['counts'], {}],
  exportWriteAheadLog: () => ['a directory', {}],
  importCheckpoint: () => [savedCheckpoint(), [], {}],
  inspectCheckpoint: () => [savedCheckpoint()],
  queryHandler: () => [{ counts: dstream.queryable() }, {}],
  renameState: () => [savedCheckpoint(), 'counts', 'sums'],
  splitCheckpoint: () => [{ from: savedCheckpoint(), of: 1, to: () => dstream.memoryCheckpoint() }],
  acknowledged: () => [[], { ack: nothing }],
  aggregate: () => [aggregator, []],
  aggregateByEventWindow: () => [aggregator, window],
  aggregateByKey: () => [aggregator],
  aggregateByKeyAndEventWindow: () => [aggregator, window],
  aggregateByKeyAndWindow: () => [aggregator, window],
  aggregateByWindow: () => [aggregator, window],
  asOfJoin: () => [stream, {}],
  approximateDistinct: () => [{}],
  csv: () => [{ columns: ['a'] }],
  joinTable: () => [stream, {}],
  kafkaRuntime: () => [kafka, {}],
  kafkaTable: () => [kafka, { topic: 't', deserialize: nothing }],
  logTable: () => [log, { topic: 't', deserialize: nothing }],
  kafkaTasks: () => [kafka, { ...driver, ...logOptions, groupId: 'g' }],
  kafkaTasksFrom: () => [kafka, { log: logOptions }, { ...driver, groupId: 'g' }],
  logTasksFrom: () => [log, { client: nothing }, { log: logOptions }, { ...driver, groupId: 'g' }],
  logTasks: () => [log, { client: nothing }, { ...driver, ...logOptions, groupId: 'g' }],
  mapPartitionsInThreads: () => [new URL('file:///job.js'), {}],
  quantiles: () => [[0.5], {}],
  rateLimiter: () => [{ perSecond: 10 }],
  sseReceiver: () => [{ url: 'http://127.0.0.1:1/' }],
  tableFrom: () => [nothing, {}],
  webSocketReceiver: () => [{ url: 'ws://127.0.0.1:1/' }],
  batchesFrom: () => [{ a: dstream.logSource(log, logOptions) }, driver],
  batchesSource: () => [[[1]], {}],
  checkpointContract: () => [nothing],
  cogroup: () => [stream],
  concatMapBatch: () => [nothing, {}],
  costModel: () => [{}],
  countByValueAndWindow: () => [window],
  countByWindow: () => [window],
  countDistinctByWindow: () => [window],
  dashboard: () => [{ port: 0 }],
  mergeTasks: () => [{ topic: 't', tasks: 1, merge: nothing }],
  shuffleTopic: () => [{ topic: 't', key: nothing }],
  deadLetterTopic: () => [kafka, { topic: 't', groupId: 'g' }],
  deduplicate: () => [nothing, window],
  deduplicateByEventTime: () => [nothing, {}],
  dynamicInterval: () => [{ minInterval: 1, maxInterval: 2 ** 53 - 1 }],
  eventSessionWindow: () => [{ gap: 10 }],
  eventTime: () => [{ timestamp: nothing, outOfOrderness: 0 }],
  faultyLog: () => [log, nothing],
  fileBlockStore: () => [directory, {}],
  fileCheckpoint: () => [directory, {}],
  fileReceiver: () => [directory, {}],
  fileWriteAheadLog: () => [directory, {}],
  filterBatches: () => [nothing],
  filterRecords: () => [nothing],
  fixedRate: () => [10, {}],
  flatMapRecords: () => [nothing],
  flatMapValues: () => [nothing],
  foreachBatch: () => [nothing, {}],
  foreachBatchInTransaction: () => [postgresCheckpoint(pool, { job: 'j' }), nothing, {}],
  foreachPartition: () => [nothing, {}],
  foreachPartitionOnce: () => [nothing, { written: nothing }],
  fromBatches: () => [[[1]], driver],
  fullOuterJoin: () => [stream],
  groupByKeyAndEventWindow: () => [window],
  groupByKeyAndWindow: () => [window],
  health: () => [{}],
  healthHandler: () => [dstream.health()],
  healthListener: () => [dstream.health()],
  histogram: () => [[1, 2]],
  httpReceiver: () => [{ port: 8_080 }],
  intervalJoin: () => [stream, { lower: -10, upper: 10 }],
  join: () => [stream],
  json: () => [schema, {}],
  kafkaBatches: () => [kafka, { ...logOptions, ...driver, groupId: 'g', membership: 'exclusive' }],
  KafkajsClient: () => [kafka, {}],
  kafkaReceiver: () => [kafka, { topics: ['t'], groupId: 'g' }],
  kafkaSource: () => [kafka, logOptions],
  leftOuterJoin: () => [stream],
  limitRate: () => [{ rate: 10 }],
  lmdbCheckpoint: () => [directory, {}],
  logBatches: () => [log, { ...logOptions, ...driver }],
  groupClientContract: () => [nothing],
  logClientContract: () => [nothing],
  logMonitor: () => [logger, {}],
  logSource: () => [log, logOptions],
  mapPartitions: () => [nothing],
  mapRecords: () => [nothing],
  mapValues: () => [nothing],
  mapWithState: () => [nothing, {}],
  max: () => [nothing],
  mean: () => [nothing],
  memoryGroup: () => [{ log }],
  memoryLog: () => [{ topics: { t: 1 } }],
  MemoryLog: () => [{ topics: { t: 1 } }],
  min: () => [nothing],
  opentelemetryMonitor: () => [{}],
  partitionBy: () => [3, dstream.kafkaPartitioner],
  pid: () => [{}],
  pidRateEstimator: () => [{ batchInterval: 10 }],
  postgresCheckpoint: () => [pool, { job: 'j' }],
  printBatches: () => [{}],
  processReceiver: () => [{ command: 'true' }],
  prometheusMonitor: () => [{ client: promClient, registry: new promClient.Registry() }],
  receiverBatches: () => [[], driver],
  receiverSource: () => [[], {}, 'kind'],
  reduceBatch: () => [nothing],
  reduceByKey: () => [nothing],
  reduceByKeyAndEventWindow: () => [nothing, window],
  reduceByKeyAndWindow: () => [nothing, window],
  reduceByWindow: () => [nothing, window],
  repartition: () => [3],
  rightOuterJoin: () => [stream],
  runBatches: () => [nothing, {}],
  runningReduce: () => [nothing, {}],
  saveAsObjectFiles: () => [directory, {}],
  saveAsTextFiles: () => [directory, {}],
  kafkaCheckpoint: () => [kafka, { topic: 't' }],
  sendInTransaction: () => [kafkaCheckpoint(kafka, { topic: 't' }), {}],
  sendToKafka: () => [kafka, { groupId: 'g' }],
  sessionWindow: () => [{ gap: 10 }],
  set: () => [nothing],
  sum: () => [nothing],
  tcpReceiver: () => [{ port: 8_080 }],
  topN: () => [3, nothing],
  transformBatch: () => [nothing],
  transformBatches: () => [stream, nothing],
  unionBatches: () => [stream],
  updateStateByKey: () => [nothing, {}],
  variance: () => [{}],
  window: () => [window],
  windowByCount: () => [{ count: 3 }],
};

/** Functions whose arguments are not checked, with the reason. */
export const unchecked: Readonly<Record<string, string>> = {
  kafkaPartitioner: 'it runs for every record; partitionBy has checked the number of partitions',
  Batch: 'operators of the library make it',
  KafkaRuntime: 'kafkaRuntime makes it',
  Task: 'the library makes it',
  ThreadedJob: 'the library makes it; the options of `stop` are those of `BatchStream`',
  runInThreads: 'it starts threads; test/workers/runInThreads.test.ts has bad values',
  TaskStream: 'the library makes it; the options of `stop` are those of `BatchStream`',
  BatchStream: 'the library makes it; the options of `stop` have a test of their own',
};
