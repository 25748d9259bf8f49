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
    'batchesFrom',
    'bytes',
    'concatMapBatch',
    'costModel',
    'countBatch',
    'countByValue',
    'countByValueAndWindow',
    'countByWindow',
    'deduplicate',
    'dynamicInterval',
    'filterBatches',
    'filterRecords',
    'fixedRate',
    'flatMapRecords',
    'flatMapValues',
    'foreachBatch',
    'fromBatches',
    'glom',
    'groupByKey',
    'groupByKeyAndWindow',
    'json',
    'limitRate',
    'logBatches',
    'logSource',
    'mapPartitions',
    'mapRecords',
    'mapValues',
    'mapWithState',
    'memoryCheckpoint',
    'memoryLog',
    'pid',
    'pidRateEstimator',
    'printBatches',
    'reduceBatch',
    'reduceByKey',
    'reduceByKeyAndWindow',
    'reduceByWindow',
    'repartition',
    'string',
    'transformBatch',
    'updateStateByKey',
    'window',
  ]);
  expect(Object.keys(kafka).sort()).toEqual(['KafkajsClient', 'kafkaBatches', 'kafkaSource']);
  expect(Object.keys(node).sort()).toEqual([
    'CheckpointError',
    'CorruptCheckpointError',
    'StorageError',
    'fileCheckpoint',
    'saveAsObjectFiles',
    'saveAsTextFiles',
  ]);
  expect(Object.keys(testing).sort()).toEqual(['MarbleSyntaxError', 'faultyLog', 'runBatches']);
});
