import {
  type BatchInfo,
  foreachBatch,
  type LogBatchesOptions,
  type LogClient,
  logBatches,
  type MemoryLog,
  memoryLog,
} from 'dstream';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';
import { withoutIdentity } from '../../support/withoutIdentity.js';

const records = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ value: `${name}${i} `.padEnd(1_000, '.') }));

/** A backlog of 1,000 records of 1 kB. A batch takes about a hundred, and as many of the next come in before its tick. */
function setup(options: Partial<LogBatchesOptions<string>> = {}, as: (log: MemoryLog) => LogClient = (log) => log) {
  const log = memoryLog({ topics: { t: 1 } });
  log.append('t', records('old', 1_000));
  const batches: { readonly info: BatchInfo; readonly records: readonly string[] }[] = [];
  let given: readonly string[] = [];
  const errors: unknown[] = [];
  const run = (scheduler: TestScheduler, until: number) => {
    const stream = logBatches(as(log), {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      maxBytesPerBatch: 100_000,
      deserialize: (view) => `${view.offset} ${view.valueText()?.split(' ')[0]}`,
      batchObserver: { next: (info) => batches.push({ info, records: given }) },
      ...options,
    });
    const output = foreachBatch<string>((batch) => {
      given = batch;
    });
    stream.pipe(output).subscribe({ error: (error) => errors.push(error) });
    scheduler.schedule(() => void stream.stop(), until);
  };
  return { log, run, batches, errors };
}

const rangeOf = (info: BatchInfo) => {
  const { from = 0, until = 0 } = info.inputs.log?.ranges[0] ?? {};
  return { from, until };
};

describe('a log of which the beginning of the next batch has been fetched', () => {
  it.each(['earliest', 'latest'] as const)(
    'loses what follows to retention (%s): each record stays in its batch',
    (policy) => {
      const { log, run, batches, errors } = setup({ offsetOutOfRange: policy });
      virtual((scheduler) => {
        run(scheduler, 300);
        scheduler.schedule(() => log.truncate('t', 0, 700), 15);
        scheduler.schedule(() => void log.append('t', records('later', 10)), 200);
      });
      expect(errors).toEqual([]);
      const lost = batches.flatMap(({ info }) => info.inputs.log?.lost ?? []);
      for (const { info, records: given } of batches) {
        const { from, until } = rangeOf(info);
        const offsets = given.map((text) => Number(text.split(' ')[0]));
        expect(offsets.filter((offset) => offset < from || offset >= until)).toEqual([]);
      }
      const offsets = batches.flatMap(({ records: given }) => given.map((text) => Number(text.split(' ')[0])));
      const everything = Array.from({ length: 1_010 }, (_, i) => i);
      expect(offsets).toEqual(everything.filter((i) => !lost.some(({ from, until }) => i >= from && i < until)));
    },
  );

  it('is cut within that: what came of the old one is not given out as the new', () => {
    const { log, run, batches, errors } = setup({}, withoutIdentity);
    virtual((scheduler) => {
      run(scheduler, 300);
      scheduler.schedule(() => {
        log.deleteTopic('t');
        log.createTopic('t');
        log.append('t', records('new', 150));
      }, 15);
      scheduler.schedule(() => void log.append('t', records('later', 50)), 35);
    });
    expect(errors).toEqual([]);
    const given = batches.flatMap((batch) => batch.records);
    const names = (name: string, from: number, until: number) =>
      Array.from({ length: until - from }, (_, i) => `${name}${from + i}`);
    expect(given.map((text) => text.split(' ')[1])).toEqual([
      ...names('old', 0, 98),
      ...names('new', 98, 150),
      ...names('later', 0, 50),
    ]);
  });

  it('fails at what retention has taken, once it is planned, and no batch before', () => {
    const { log, run, batches, errors } = setup();
    virtual((scheduler) => {
      run(scheduler, 300);
      scheduler.schedule(() => log.truncate('t', 0, 700), 15);
    });
    expect(errors).toMatchObject([{ lost: { from: 202, until: 700 } }]);
    expect(batches.map(({ info }) => rangeOf(info))).toEqual([
      { from: 0, until: 98 },
      { from: 98, until: 196 },
    ]);
  });
});

describe('a log that loses to retention what is planned', () => {
  it('fails the stream with the range, and is not asked again', () => {
    const { log, run, batches, errors } = setup({ maxRatePerPartition: 1_000, maxBufferedBytes: 1 });
    virtual((scheduler) => {
      run(scheduler, 100);
      scheduler.schedule(() => log.truncate('t', 0, 700), 15);
    });
    expect(errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', lost: { from: 10, until: 700 } }]);
    expect(batches.map(({ info }) => rangeOf(info))).toEqual([{ from: 0, until: 10 }]);
  });
});
