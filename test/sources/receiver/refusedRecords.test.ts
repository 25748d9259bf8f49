import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DStreamError,
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  receiverBatches,
} from 'dstream';
import { fileWriteAheadLog } from 'dstream/node';
import {
  EMPTY,
  from,
  lastValueFrom,
  mergeMap,
  type ObservableInput,
  ReplaySubject,
  Subject,
  take,
  tap,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

// What a write-ahead log acknowledges must be readable after a crash. A record that is not is refused to its sender, and takes no
// other record with it.

class Reading {
  value = 1;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}

const options = (): ReceiverBatchesOptions => ({
  interval: 100,
  checkpoint: memoryCheckpoint(),
  writeAheadLog: memoryWriteAheadLog(),
});

describe('a record that a write-ahead log could not read back', () => {
  it.each([
    ['a function', { f() {} }],
    ['a class instance', new Reading()],
    ['too deep a nesting', nested(1_200)],
  ])('is refused to its sender, %s; the others are stored', (_, record) => {
    const seen: unknown[] = [];
    const told: unknown[] = [];
    virtual((scheduler) => {
      let sink = undefined as unknown as ReceiverSink<unknown>;
      const receiver = (given: ReceiverSink<unknown>) => {
        sink = given;
      };
      receiverBatches(receiver, options())
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ error: (error: unknown) => seen.push(error), complete: () => seen.push('complete') });
      const store = (name: string, value: unknown) =>
        sink.store(
          value,
          () => told.push(`${name} stored`),
          (error) => told.push([`${name} refused`, (error as DStreamError).code]),
        );
      store('first', 'first');
      store('bad', record);
      store('last', 'last');
      scheduler.schedule(() => sink.complete(), 10);
    });
    expect(told).toEqual(['first stored', ['bad refused', 'INVALID_RECORD'], 'last stored']);
    expect(seen).toEqual(['first', 'last', 'complete']);
  });

  it('fails the receiver where nobody listens to refusals, and batches have what came before', () => {
    const seen: unknown[] = [];
    virtual(() => {
      receiverBatches(from<unknown[]>(['first', { f() {} }, 'last']), options())
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ error: (error: unknown) => seen.push((error as DStreamError).code) });
    });
    expect(seen).toEqual(['first', 'INVALID_RECORD']);
  });

  it('restarts the receiver where that is asked for, and one receiver at a time', () => {
    const seen: unknown[] = [];
    const records = new Subject<unknown>();
    virtual((scheduler) => {
      const stream = receiverBatches(records, {
        ...options(),
        restartDelay: 50,
        restartObserver: { next: ({ error }) => seen.push((error as DStreamError).code) },
      });
      const subscription = stream.pipe(foreachBatch((values) => void seen.push(...values))).subscribe();
      records.next({ f() {} });
      expect(records.observed).toBe(false);
      scheduler.schedule(() => records.next('after'), 60);
      scheduler.schedule(() => subscription.unsubscribe(), 250);
    });
    expect(seen).toEqual(['INVALID_RECORD', 'after']);
  });
});

it('gives back what it stored beside a refused record, from files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-refused-'));
  const checkpoint = memoryCheckpoint();
  const told: string[] = [];
  const run = (records: readonly unknown[], effect: (values: readonly unknown[]) => ObservableInput<unknown>) => {
    const receiver = ({ store, complete }: ReceiverSink<unknown>) => {
      const answers = records.map(
        (record) =>
          new Promise<string>((resolve) =>
            store(
              record,
              () => resolve('stored'),
              () => resolve('refused'),
            ),
          ),
      );
      void Promise.all(answers).then((all) => {
        settled.next(all);
        complete();
      });
    };
    const settled = new ReplaySubject<readonly string[]>(1);
    const stream = receiverBatches(receiver, { interval: 20, checkpoint, writeAheadLog: fileWriteAheadLog(directory) });
    return lastValueFrom(
      stream.pipe(
        foreachBatch((values) =>
          settled.pipe(
            take(1),
            tap((all) => told.push(...all)),
            mergeMap(() => effect(values)),
          ),
        ),
      ),
    );
  };
  const crash = () => throwError(() => new Error('crash'));
  await expect(run(['before', nested(1_000), nested(2_000), 'after'], crash)).rejects.toThrow('crash');
  expect(told).toEqual(['stored', 'stored', 'refused', 'stored']);
  const got: unknown[] = [];
  await run([], (values) => {
    got.push(...values);
    return EMPTY;
  });
  expect(got).toEqual(['before', nested(1_000), 'after']);
});
