import type { MonitoredStream, StreamMonitor } from 'dstream';
import {
  aggregateByEventWindow,
  eventTime,
  foreachBatch,
  foreachPartition,
  fromBatches,
  json,
  logBatches,
  mapRecords,
  memoryLog,
  reduceByKey,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { EMPTY, NEVER, retry, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StageSpans } from '../../src/dashboard/server/stageSpans.js';
import { StreamRecord } from '../../src/dashboard/server/streamRecord.js';
import { keptBatches, shownPartitions } from '../../src/dashboard/wire/boardUpdate.js';
import { virtual } from '../support/virtual.js';

function recording(showErrors = false): { readonly monitor: StreamMonitor; record(): StreamRecord } {
  let record: StreamRecord | undefined;
  return {
    monitor: {
      run: (stream) => {
        record ??= new StreamRecord(stream, 'run', showErrors);
        return record.watch(stream);
      },
    },
    record: () => {
      if (!record) throw new Error('no stream has been subscribed to');
      return record;
    },
  };
}

/** Of a stream without inputs. */
const nothing = {
  ...{ name: 's', at: 20, status: 'running', since: 0, attempt: 0, interval: 10, waiting: 0 },
  ...{ open: [], saving: [], state: [], inputs: {}, recovery: undefined, checkpoint: undefined },
};

describe('the record of a stream', () => {
  it('has its event time, and all late and invalid records so far', () => {
    const { monitor, record } = recording();
    virtual(() => {
      fromBatches(
        [
          [30, 1],
          [2, Number.NaN, 45],
        ],
        { interval: 10, partitions: 1, monitors: [monitor] },
      )
        .pipe(
          eventTime({ timestamp: (at) => at, outOfOrderness: 5, invalid: 'skip', id: 'time' }),
          aggregateByEventWindow(count(), { window: 10 }),
          foreachBatch(() => {}),
        )
        .subscribe();
    });
    const { eventTime: shown } = record().view();
    expect(shown?.counts).toEqual({ late: 2, partlyLate: 0, invalid: 1 });
    // Everything has been read: JSON has no Infinity.
    expect(shown?.watermarks).toEqual([{ id: 'time', watermark: undefined }]);
    expect(shown?.partitions).toEqual([{ partition: '-', newest: 45, behind: 0, status: 'ended' }]);
  });

  it('has the partitions that hold the watermark back first, and not more than can be shown', () => {
    const { monitor, record } = recording();
    const log = memoryLog({ topics: { t: 70 } });
    for (let partition = 1; partition < 70; partition++) log.append('t', [{ partition, value: String(partition) }]);
    virtual(() => {
      const subscription = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: json<number>(),
        monitors: [monitor],
      })
        .pipe(
          eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
          foreachBatch(() => {}),
        )
        .subscribe();
      timer(15).subscribe(() => subscription.unsubscribe());
    });
    const shown = record().view().eventTime;
    expect(shown?.watermarks).toEqual([{ id: undefined, watermark: undefined }]);
    expect(shown?.partitions).toHaveLength(shownPartitions + 1);
    expect(shown?.partitions.slice(0, 2)).toEqual([
      { partition: 't/0', newest: undefined, behind: undefined, status: 'holds it back' },
      { partition: 't/1', newest: 1, behind: 68, status: 'active' },
    ]);
    expect(shown?.partitions.at(-1)).toEqual({
      partition: '6 more',
      newest: undefined,
      behind: undefined,
      status: '',
    });
  });

  it('has a row for each complete batch, whose parts add up', () => {
    const { monitor, record } = recording();
    virtual(() => {
      fromBatches([['a', 'b'], ['c']], { interval: 10, monitors: [monitor] })
        .pipe(foreachBatch(() => timer(4)))
        .subscribe();
    });
    const { rows } = record().after(0);
    expect(rows.map(({ id, time, result, records }) => [id, time, result, records])).toEqual([
      ['run.1', 10, 'completed', 2],
      ['run.2', 20, 'completed', 1],
    ]);
    expect(rows[0]?.delays).toEqual({
      scheduling: 0,
      processing: 4,
      total: 4,
      fetch: 0,
      dispatch: 0,
      effect: 4,
      save: 0,
    });
    expect(
      record()
        .after(1)
        .rows.map(({ id }) => id),
    ).toEqual(['run.2']);
  });

  it('opens a batch to its ranges and stages, with the effects of an output as one', () => {
    const { monitor, record } = recording();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 3 }, scheduler });
      log.append(
        't',
        [1, 2, 3].map((n) => ({ partition: n - 1, value: String(n) })),
      );
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: json<number>(),
        monitors: [monitor],
        scheduler,
      });
      const subscription = stream.pipe(foreachPartition(({ index }) => timer(index + 1))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 18);
    });
    const [row] = record().after(0).rows;
    const detail = record().detail(row?.id ?? '');
    expect(
      detail?.ranges.map(({ topic, partition, from, until, lag }) => [topic, partition, from, until, lag]),
    ).toEqual([
      ['t', 0, 0, 1, 0],
      ['t', 1, 0, 1, 0],
      ['t', 2, 0, 1, 0],
    ]);
    expect(
      detail?.stages.map(({ kind, operator, id, count, start, end }) => [kind, operator, id, count, end - start]),
    ).toEqual([
      ['fetch', undefined, undefined, 1, expect.any(Number)],
      ['dispatch', undefined, undefined, 1, 0],
      ['effect', 'foreachPartition', undefined, 3, 3],
      ...(detail?.stages.slice(3).map(({ kind }) => [kind, undefined, undefined, 1, expect.any(Number)]) ?? []),
    ]);
    expect(record().detail('other.1')).toBeUndefined();
    expect(record().detail('run.2')).toBeUndefined();
  });

  it('has a row for a batch that failed, the error without its message, and goes on with the next subscription', () => {
    const { monitor, record } = recording();
    virtual(() => {
      let failures = 1;
      fromBatches([['a'], ['b']], { interval: 10, monitors: [monitor] })
        .pipe(
          foreachBatch(() => (failures-- > 0 ? throwError(() => new TypeError('secret "a"')) : timer(1))),
          retry(),
        )
        .subscribe();
    });
    const { rows, failures } = record().after(0);
    expect(rows.map(({ time, attempt, result, stage }) => [time, attempt, result, stage])).toEqual([
      [10, 0, 'failed', 'effect'],
      [20, 1, 'completed', undefined],
      [30, 1, 'completed', undefined],
    ]);
    expect(failures).toEqual([
      expect.objectContaining({
        kind: 'failed',
        time: 10,
        code: 'TypeError',
        stage: 'effect',
        operator: 'foreachBatch',
        operatorId: undefined,
        message: undefined,
      }),
    ]);
    expect(record().view()).toMatchObject({ status: 'stopped', attempt: 1 });
    expect(record().live).toBe(false);
  });

  it('counts the attempts of a stream and of an effect from 1', () => {
    const { monitor, record } = recording();
    virtual(() => {
      fromBatches([['a']], { interval: 10, partitions: 1, monitors: [monitor] })
        .pipe(
          foreachPartition(() => throwError(() => new TypeError('no')), { id: 'rows', retry: { count: 2, delay: 1 } }),
          retry(1),
        )
        .subscribe({ error: () => {} });
    });
    const effect = { stage: 'effect', operator: 'foreachPartition', operatorId: 'rows', code: 'TypeError' };
    const attempts = (stream: number) => [
      { kind: 'retried', attempt: 1, partition: 0, ...effect },
      { kind: 'retried', attempt: 2, partition: 0, ...effect },
      { kind: 'failed', attempt: stream, ...effect },
    ];
    expect(record().after(0).failures).toMatchObject([...attempts(1), ...attempts(2)]);
  });

  it('says when a stream that has failed starts again by itself', () => {
    const { monitor, record } = recording();
    const error = new TypeError('no');
    const snapshot = () => ({ ...nothing, status: 'failed' as const });
    const stream = { name: 's', attempt: 0, now: () => 20, snapshot } as unknown as MonitoredStream;
    const fail = () => {
      const run = monitor.run(stream);
      return {
        restarting: () => run?.restarting?.({ time: 10, attempt: 3, delay: 5_000, error }),
        ended: () => run?.ended?.({ reason: 'failed', at: 20, error }),
      };
    };
    const { restarting, ended } = fail();
    restarting();
    ended();
    expect(record().view().restart).toEqual({ at: 5_020, attempt: 3 });
    fail().ended();
    expect(record().view().restart).toBeUndefined();
  });

  it('has a row for records that were handed to dead letters', () => {
    const { monitor, record } = recording();
    virtual(() => {
      fromBatches([['a', 'b', 'c', 'd'], ['e']], { interval: 10, partitions: 2, monitors: [monitor] })
        .pipe(
          foreachPartition((_, { time }) => (time === 10 ? throwError(() => new TypeError('s3cret')) : EMPTY), {
            onError: { next: () => {} },
          }),
        )
        .subscribe();
    });
    expect(
      record()
        .after(0)
        .rows.map(({ deadLettered }) => deadLettered),
    ).toEqual([4, 0]);
    expect(record().after(0).failures.slice(0, 1)).toMatchObject([
      {
        kind: 'dead-lettered',
        time: 10,
        operator: 'foreachPartition',
        records: 2,
        code: 'TypeError',
      },
    ]);
    expect(JSON.stringify(record().after(0))).not.toContain('s3cret');
  });

  it('has what cannot be read: partitions, and receivers with the class of what they met', () => {
    const { monitor, record } = recording();
    const snapshot = {
      ...nothing,
      inputs: {
        log: { kind: 'logBatches', partitions: [], bufferedBytes: 0 },
        tcp: {
          ...{ kind: 'receiverBatches', partitions: [], bufferedBytes: 0 },
          receiver: {
            queuedRecords: 1,
            receivers: [
              { index: 0, state: 'waiting', since: 5, restarts: 2, retryAt: 30, error: new RangeError('s3cret') },
              { index: 1, state: 'running', since: 5, restarts: 0 },
            ],
          },
        },
      },
      lastBatch: {
        time: 10,
        inputs: {
          log: {
            unavailable: [
              { topic: 't', partition: 0, since: 9 },
              { topic: 't', partition: 1, since: 4 },
            ],
          },
        },
      },
    };
    monitor.run({ name: 's', attempt: 0, snapshot: () => snapshot } as unknown as MonitoredStream);
    const { inputs } = record().view();
    expect(inputs.map(({ unavailable }) => unavailable)).toEqual([{ count: 2, since: 4 }, undefined]);
    expect(inputs[1]?.receiver).toEqual({
      queuedRecords: 1,
      receivers: [
        { index: 0, state: 'waiting', since: 5, restarts: 2, retryAt: 30, code: 'RangeError' },
        { index: 1, state: 'running', since: 5, restarts: 0, code: undefined },
      ],
    });
  });

  it('shows messages only when asked to', () => {
    const { monitor, record } = recording(true);
    virtual(() => {
      fromBatches([['a']], { interval: 10, monitors: [monitor] })
        .pipe(foreachBatch(() => throwError(() => new Error('disk full'))))
        .subscribe({ error: () => {} });
    });
    expect(record().after(0).failures[0]?.message).toBe('disk full');
  });

  it('says of each open batch what it does, and of those planned that they wait', () => {
    const { monitor, record } = recording();
    virtual((scheduler) => {
      const subscription = fromBatches([['a'], ['b', 'c'], ['d']], { interval: 10, monitors: [monitor] })
        .pipe(foreachBatch(() => NEVER))
        .subscribe();
      scheduler.schedule(() => {
        const { open, waiting, at } = record().view();
        expect([at, waiting]).toEqual([35, 2]);
        expect(open).toEqual([
          {
            time: 10,
            records: 1,
            stage: 'effect',
            since: 10,
            effects: [{ operator: 'foreachBatch', id: undefined, count: 1 }],
          },
          { time: 20, records: 1, stage: 'waiting', since: 20, effects: [] },
          { time: 30, records: 1, stage: 'waiting', since: 30, effects: [] },
        ]);
        subscription.unsubscribe();
      }, 35);
    });
    expect(
      record()
        .after(0)
        .rows.map(({ time, result }) => [time, result]),
    ).toEqual([
      [10, 'aborted'],
      [20, 'aborted'],
      [30, 'aborted'],
    ]);
  });

  it('names the outputs whose effects are under way, and not those that have settled', () => {
    const { monitor, record } = recording();
    virtual((scheduler) => {
      const subscription = fromBatches([['a', 'b', 'c']], { interval: 10, partitions: 3, monitors: [monitor] })
        .pipe(
          foreachBatch(() => timer(5), { id: 'quick' }),
          foreachPartition(({ index }) => (index === 0 ? timer(8) : NEVER), { id: 'rows' }),
        )
        .subscribe();
      const names = () =>
        record()
          .view()
          .open.map(({ effects }) => effects.map(({ operator, id, count }) => `${operator} ${id} ${count}`));
      // Outputs of one pipeline run one after the other.
      const seen: unknown[] = [];
      for (const at of [12, 17]) scheduler.schedule(() => seen.push(...names()), at);
      scheduler.schedule(() => {
        expect([...seen, ...names()]).toEqual([
          ['foreachBatch quick 1'],
          ['foreachPartition rows 3'],
          ['foreachPartition rows 2'],
        ]);
        subscription.unsubscribe();
      }, 25);
    });
  });

  it('names three of the outputs at most that are under way at once', () => {
    const spans = new StageSpans();
    for (const id of ['a', 'b', 'c', 'd']) {
      spans.watch({ kind: 'effect', time: 10, operator: 'foreachBatch', id, onEnd: () => {} });
    }
    expect(spans.running().map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the last rows only', () => {
    const { monitor, record } = recording();
    virtual(() => {
      const batches = Array.from({ length: keptBatches + 50 }, (_, i) => [i]);
      fromBatches(batches, { interval: 10, monitors: [monitor] })
        .pipe(foreachBatch(() => {}))
        .subscribe();
    });
    const { rows } = record().after(0);
    expect([rows.length, rows[0]?.id, rows.at(-1)?.id]).toEqual([keptBatches, 'run.51', `run.${keptBatches + 50}`]);
    expect(record().detail('run.51')).toBeUndefined();
    expect(record().detail(`run.${keptBatches + 50}`)?.row).toEqual(rows.at(-1));
  });

  it('shows the partitions with the largest lag, and the rest summed', () => {
    const { monitor, record } = recording();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 70 }, scheduler });
      for (let partition = 0; partition < 70; partition++) {
        log.append(
          't',
          Array.from({ length: partition + 1 }, () => ({ partition, value: 'x' })),
        );
      }
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: () => 0,
        monitors: [monitor],
        scheduler,
      });
      const subscription = stream.pipe(foreachBatch(() => NEVER)).subscribe();
      scheduler.schedule(() => {
        const { partitions, otherPartitions, total } = record().view();
        expect(partitions).toHaveLength(64);
        expect(partitions.slice(0, 2).map(({ partition, lag }) => [partition, lag])).toEqual([
          [69, 70],
          [68, 69],
        ]);
        expect(otherPartitions).toMatchObject({ count: 6, lag: 1 + 2 + 3 + 4 + 5 + 6 });
        expect(total).toMatchObject({ count: 70, lag: (70 * 71) / 2 });
        subscription.unsubscribe();
      }, 15);
    });
  });

  it('contains nothing of a record: no key, no value, no header', () => {
    const secret = 'tell-nobody';
    const { monitor, record } = recording();
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      log.append('t', [{ key: secret, value: secret, headers: [['h', new TextEncoder().encode(secret)]] }]);
      const stream = logBatches(log, {
        topics: ['t'],
        start: 'earliest',
        interval: 10,
        deserialize: json<string>(),
        invalidRecords: 'error',
        monitors: [monitor],
        scheduler,
      });
      stream
        .pipe(
          mapRecords((value) => [String(value), 1]),
          reduceByKey((a, b) => a + b),
          foreachBatch(() => {}),
        )
        .subscribe({ error: () => {} });
    });
    const { rows, failures } = record().after(0);
    const all = JSON.stringify([record().view(), rows, failures, rows.map(({ id }) => record().detail(id))]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: 'DESERIALIZATION', topic: 't', partition: 0, offset: 0 });
    expect(all).not.toContain(secret);
  });
});
