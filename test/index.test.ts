import * as core from 'dstream';
import * as aggregators from 'dstream/aggregators';
import * as kafka from 'dstream/kafka';
import * as node from 'dstream/node';
import * as opentelemetry from 'dstream/opentelemetry';
import * as prometheus from 'dstream/prometheus';
import * as testing from 'dstream/testing';
import { expect, it } from 'vitest';

// What the package promises: it grows by a listed export with a page and a test, and shrinks by a major version only.
it('exports what it says, and nothing else', () => {
  const errors = Object.keys(core).filter((name) => name.endsWith('Error'));
  expect(
    Object.keys(core)
      .filter((name) => !errors.includes(name))
      .sort(),
  ).toEqual([
    'Batch',
    'BatchStream',
    'MemoryLog',
    'aggregateByEventWindow',
    'aggregateByKey',
    'aggregateByKeyAndEventWindow',
    'aggregateByKeyAndWindow',
    'aggregateByWindow',
    'batchesFrom',
    'batchesSource',
    'bytes',
    'cogroup',
    'concatMapBatch',
    'costModel',
    'countBatch',
    'countByValue',
    'countByValueAndWindow',
    'countByWindow',
    'countDistinctByWindow',
    'deduplicate',
    'deduplicateByEventTime',
    'dynamicInterval',
    'eventSessionWindow',
    'eventTime',
    'filterBatches',
    'filterRecords',
    'fixedRate',
    'flatMapRecords',
    'flatMapValues',
    'foreachBatch',
    'foreachPartition',
    'foreachPartitionOnce',
    'fromBatches',
    'fullOuterJoin',
    'glom',
    'groupByKey',
    'groupByKeyAndEventWindow',
    'groupByKeyAndWindow',
    'health',
    'healthHandler',
    'join',
    'json',
    'kafkaPartitioner',
    'leftOuterJoin',
    'limitRate',
    'logBatches',
    'logMonitor',
    'logSource',
    'mapPartitions',
    'mapRecords',
    'mapValues',
    'mapWithState',
    'memoryCheckpoint',
    'memoryLog',
    'memoryWriteAheadLog',
    'partitionBy',
    'pid',
    'pidRateEstimator',
    'printBatches',
    'queryable',
    'receiverBatches',
    'receiverSource',
    'reduceBatch',
    'reduceByKey',
    'reduceByKeyAndEventWindow',
    'reduceByKeyAndWindow',
    'reduceByWindow',
    'repartition',
    'rightOuterJoin',
    'runningReduce',
    'sessionWindow',
    'sideOutput',
    'string',
    'transformBatch',
    'transformBatches',
    'unionBatches',
    'updateStateByKey',
    'window',
    'windowByCount',
  ]);
  expect(Object.keys(aggregators).sort()).toEqual([
    'aggregate',
    'count',
    'first',
    'histogram',
    'last',
    'max',
    'mean',
    'min',
    'set',
    'sum',
    'topN',
    'variance',
  ]);
  expect(Object.keys(kafka).sort()).toEqual(['KafkajsClient', 'kafkaBatches', 'kafkaSource', 'sendToKafka']);
  expect(Object.keys(node).sort()).toEqual([
    'CheckpointError',
    'CorruptCheckpointError',
    'FencedError',
    'StorageError',
    'dashboard',
    'fileCheckpoint',
    'fileWriteAheadLog',
    'foreachBatchInTransaction',
    'healthListener',
    'lmdbCheckpoint',
    'postgresCheckpoint',
    'saveAsObjectFiles',
    'saveAsTextFiles',
  ]);
  expect(Object.keys(testing).sort()).toEqual([
    'MarbleMismatchError',
    'MarbleSyntaxError',
    'checkpointContract',
    'faultyLog',
    'logClientContract',
    'runBatches',
  ]);
  expect(Object.keys(opentelemetry)).toEqual(['opentelemetryMonitor']);
  expect(Object.keys(prometheus)).toEqual(['prometheusMonitor']);
});
