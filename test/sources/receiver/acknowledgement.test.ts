import {
  acknowledged,
  type Batch,
  type BatchInfo,
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  QueueOverflowError,
  type ReceiverBatchesOptions,
  type ReceiverSink,
  receiverBatches,
} from 'dstream';
import { from, Subject, tap } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { slowWriteAheadLog } from '../../support/slowWriteAheadLog.js';
import { virtual } from '../../support/virtual.js';

const logged = (before: number): ReceiverBatchesOptions => ({
  interval: 100,
  checkpoint: memoryCheckpoint(),
  writeAheadLog: slowWriteAheadLog(memoryWriteAheadLog(), () => ({ before, after: 0, fails: false })),
});

describe('acknowledged', () => {
  it.each([
    ['an Observable', from([1, 2, 3])],
    ['a pulled source', [1, 2, 3]],
    ['a factory', () => [1, 2, 3]],
  ])('acknowledges each item of %s once its record is durable', (_, source) => {
    const seen: string[] = [];
    virtual((scheduler) => {
      const messages = acknowledged(source, {
        record: (n) => `record ${n}`,
        ack: (n) => void seen.push(`ack ${n} at ${scheduler.now()}`),
      });
      receiverBatches(messages, logged(30))
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe();
    });
    // The first is written alone, the others together.
    expect(seen).toEqual(['ack 1 at 30', 'ack 2 at 60', 'ack 3 at 60', 'record 1', 'record 2', 'record 3']);
  });

  it('takes items that carry their own acknowledgement', () => {
    const acks: string[] = [];
    const seen: string[] = [];
    const items = ['a', 'b'].map((record) => ({ record, ack: () => void acks.push(record) }));
    expectTypeOf(receiverBatches(acknowledged(items), { interval: 1 })).toEqualTypeOf(
      receiverBatches(['a'], { interval: 1 }),
    );
    virtual(() => {
      receiverBatches(acknowledged(items), { interval: 100 })
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe();
    });
    expect([acks, seen]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('fails the receiver with what an acknowledgement fails with, also later', async () => {
    const open = new Subject<number>();
    const failing = acknowledged(open, { ack: () => Promise.reject(new Error('not acknowledged')) });
    const failed = new Promise((resolve) => {
      receiverBatches(failing, { interval: 5 }).subscribe({ error: resolve });
    });
    open.next(1);
    expect(await failed).toEqual(new Error('not acknowledged'));
    const seen: unknown[] = [];
    virtual(() => {
      const items = new Subject<number>();
      const source = acknowledged(items, {
        ack: () => {
          throw new Error('at once');
        },
      });
      receiverBatches(source, { interval: 100 }).subscribe({ error: (thrown) => seen.push(thrown) });
      items.next(1);
    });
    expect(seen).toEqual([new Error('at once')]);
  });

  it('hands what can never be stored to refuse', () => {
    const refused: unknown[] = [];
    const seen: unknown[] = [];
    virtual(() => {
      const source = acknowledged([1, () => 2, 3] as unknown[], {
        ack: () => {},
        refuse: (item) => refused.push(typeof item),
      });
      receiverBatches(source, logged(0))
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe();
    });
    expect([refused, seen]).toEqual([['function'], [1, 3]]);
  });
});

describe('records that a function receiver stores', () => {
  it('resolve a promise when they are durable, one or several', async () => {
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      receiverBatches<number>(
        later<number>(async ({ write, writeBlock, complete }) => {
          await write(1);
          seen.push('1 stored');
          await writeBlock([2, 3]);
          seen.push('2 and 3 stored');
          complete();
        }),
        { interval: 5, checkpoint: memoryCheckpoint(), writeAheadLog: memoryWriteAheadLog() },
      )
        .pipe(foreachBatch((records) => void seen.push(...records)))
        .subscribe({ complete: resolve });
    });
    expect(seen.filter((one) => typeof one === 'string')).toEqual(['1 stored', '2 and 3 stored']);
    expect(seen.filter((one) => typeof one === 'number')).toEqual([1, 2, 3]);
  });

  it('reject the promise when they are dropped', async () => {
    const outcomes: unknown[] = [];
    await new Promise<void>((resolve) => {
      const stream = receiverBatches<number>(
        later<number>(async ({ write, complete }) => {
          await write(1);
          await write(2).catch((error: unknown) => outcomes.push(error));
          complete();
        }),
        { interval: 20, maxQueue: 1, overflow: 'drop-newest' },
      );
      stream.subscribe({ complete: resolve });
    });
    expect(outcomes).toEqual([new QueueOverflowError('receiverBatches', 1)]);
  });

  it('are one block when they are handed over together, in their order', () => {
    const infos: BatchInfo[] = [];
    const blocks: unknown[] = [];
    virtual((scheduler) => {
      let sink = undefined as unknown as ReceiverSink<number>;
      const stream = receiverBatches<number>(
        (given) => {
          sink = given;
        },
        {
          interval: 100,
          batchObserver: { next: (info) => infos.push(info) },
        },
      );
      const seen = tap(({ partitions }: Batch<number>) => void blocks.push(partitions.map(({ records }) => records)));
      const subscription = stream
        .pipe(
          seen,
          foreachBatch(() => {}),
        )
        .subscribe();
      sink.store(0);
      sink.storeBlock([1, 2, 3]);
      sink.storeBlock([4]);
      sink.store(5);
      sink.store(6);
      scheduler.schedule(() => subscription.unsubscribe(), 110);
    });
    expect(blocks).toEqual([[[0], [1, 2, 3], [4], [5, 6]]]);
  });

  it('are one block with a log too, and cut by a rate', () => {
    const blocks: unknown[] = [];
    virtual((scheduler) => {
      let sink = undefined as unknown as ReceiverSink<number>;
      const stream = receiverBatches<number>(
        (given) => {
          sink = given;
        },
        { ...logged(10), maxRate: 30 },
      );
      const seen = tap(({ partitions }: Batch<number>) => void blocks.push(partitions.map(({ records }) => records)));
      const subscription = stream
        .pipe(
          seen,
          foreachBatch(() => {}),
        )
        .subscribe();
      sink.store(0);
      sink.storeBlock([1, 2, 3]);
      sink.store(4);
      scheduler.schedule(() => subscription.unsubscribe(), 210);
    });
    expect(blocks).toEqual([
      [[0], [1, 2]],
      [[3], [4]],
    ]);
  });
});

describe('a promise of a stream', () => {
  it.each([
    ['an async iterable', () => Promise.resolve(iterate(['a', 'b']))],
    ['a ReadableStream', () => Promise.resolve(new Response('ab').body as ReadableStream<unknown>)],
    ['an Observable', () => Promise.resolve(from(['a', 'b']))],
  ])('is read as what it resolves to: %s', async (_, promise) => {
    const seen: unknown[] = [];
    await new Promise<void>((complete) => {
      receiverBatches(promise(), { interval: 5 }).subscribe({ next: ({ records }) => seen.push(...records), complete });
    });
    const text = seen.map((part) => (typeof part === 'string' ? part : new TextDecoder().decode(part as Uint8Array)));
    expect(text.join('')).toBe('ab');
  });

  it('is one record if that is an array or plain data', async () => {
    const seen: unknown[] = [];
    await new Promise<void>((complete) => {
      receiverBatches(Promise.resolve([1, 2]), { interval: 5 }).subscribe({
        next: ({ records }) => seen.push(...records),
        complete,
      });
    });
    expect(seen).toEqual([[1, 2]]);
  });

  it('is closed if nobody waits for it any more', async () => {
    let cancelled = 0;
    const body = new ReadableStream({ cancel: () => void cancelled++ });
    const subscription = receiverBatches(Promise.resolve(body), { interval: 5 }).subscribe();
    subscription.unsubscribe();
    await new Promise((resolve) => setImmediate(resolve));
    expect(cancelled).toBe(1);
  });
});

/** A function receiver that goes on asynchronously. */
function later<T>(work: (sink: ReceiverSink<T>) => Promise<void>): (sink: ReceiverSink<T>) => void {
  return (sink) => {
    work(sink).catch(sink.fail);
  };
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
