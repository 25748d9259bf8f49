import { expect, it } from 'vitest';
import { table } from '../../bench/operators/table.js';
import { operators } from '../support/operators.js';

/** What has no line in `npm run bench -- operators`, and why. */
const withoutLine: Readonly<Record<string, string>> = {
  concatMapBatch: 'the function is asynchronous: it is what takes time',
  countBatch: 'looks at sizes only',
  countByWindow: 'looks at sizes only',
  filterBatches: 'looks at no record',
  foreachBatchInTransaction: 'the database is what takes time',
  glom: 'looks at no record',
  mapPartitionsInThreads: 'npm run bench -- threads',
  printBatches: 'looks at ten records',
  saveAsObjectFiles: 'the disk is what takes time',
  saveAsTextFiles: 'the disk is what takes time',
  mergeTasks: 'the broker is what takes time',
  sendInTransaction: 'the broker is what takes time',
  sendToKafka: 'the broker is what takes time',
  shuffleTopic: 'the broker is what takes time',
  unionBatches: 'passes partitions on, and looks at no record',
};

it('every operator that looks at each record is measured beside a loop written by hand', () => {
  const measured = new Set(Object.keys(table).map((line) => line.replace(/,.*/, '')));
  const names = [...operators.keys()];
  const missing = names.filter((name) => !measured.has(name) && !(name in withoutLine));
  expect(missing, 'add each to a table in bench/operators/, or to withoutLine here').toEqual([]);
  expect([...measured, ...Object.keys(withoutLine)].filter((name) => !names.includes(name))).toEqual([]);
  expect(Object.keys(withoutLine).filter((name) => measured.has(name))).toEqual([]);
});
