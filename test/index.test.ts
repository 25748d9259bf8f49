import * as core from 'dstream';
import * as kafka from 'dstream/kafka';
import * as node from 'dstream/node';
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
    'aggregate',
    'aggregateByKey',
    'aggregateByKeyAndWindow',
    'aggregateByWindow',
    'batchesFrom',
    'bytes',
    'cogroup',
    'concatMapBatch',
    'costModel',
    'count',
    'countBatch',
    'countByValue',
    'countByValueAndWindow',
    'countByWindow',
    'deduplicate',
    'dynamicInterval',
    'filterBatches',
    'filterRecords',
    'first',
    'fixedRate',
    'flatMapRecords',
    'flatMapValues',
    'foreachBatch',
    'fromBatches',
    'fullOuterJoin',
    'glom',
    'groupByKey',
    'groupByKeyAndWindow',
    'histogram',
    'join',
    'json',
    'kafkaPartitioner',
    'last',
    'leftOuterJoin',
    'limitRate',
    'logBatches',
    'logSource',
    'mapPartitions',
    'mapRecords',
    'mapValues',
    'mapWithState',
    'max',
    'mean',
    'memoryCheckpoint',
    'memoryLog',
    'min',
    'partitionBy',
    'pid',
    'pidRateEstimator',
    'printBatches',
    'reduceBatch',
    'reduceByKey',
    'reduceByKeyAndWindow',
    'reduceByWindow',
    'repartition',
    'rightOuterJoin',
    'set',
    'string',
    'sum',
    'topN',
    'transformBatch',
    'transformBatches',
    'unionBatches',
    'updateStateByKey',
    'variance',
    'window',
  ]);
  expect(Object.keys(kafka).sort()).toEqual(['KafkajsClient', 'kafkaBatches', 'kafkaSource']);
  expect(Object.keys(node).sort()).toEqual([
    'CheckpointError',
    'CorruptCheckpointError',
    'FencedError',
    'StorageError',
    'fileCheckpoint',
    'foreachBatchInTransaction',
    'postgresCheckpoint',
    'saveAsObjectFiles',
    'saveAsTextFiles',
  ]);
  expect(Object.keys(testing).sort()).toEqual([
    'MarbleSyntaxError',
    'checkpointContract',
    'faultyLog',
    'logClientContract',
    'runBatches',
  ]);
});
