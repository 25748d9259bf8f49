import {
  type BatchInfo,
  fixedRate,
  foreachBatch,
  QueueOverflowError,
  type ReceiverSink,
  receiverBatches,
} from 'dstream';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { recordSize } from '../../../src/sources/receiver/recordSize.js';
import { virtual } from '../../support/virtual.js';

describe('a queue bounded in bytes', () => {
  it('does not pull while the bytes are used up', () => {
    let pulled = 0;
    function* buffers() {
      for (; pulled < 1_000; pulled++) yield new Uint8Array(16_384);
    }
    const most: number[] = [];
    virtual((scheduler) => {
      const stream = receiverBatches(buffers(), {
        interval: 100,
        maxQueueBytes: 1 << 20,
        backpressure: fixedRate(100),
        batchObserver: { next: ({ inputs }) => most.push(inputs.receiver?.receiver?.queuedBytes ?? -1) },
      });
      const subscription = stream.pipe(foreachBatch(() => timer(300))).subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 10_000);
    });
    expect(most.length).toBeGreaterThan(20);
    // One record may be beyond the bound.
    expect(Math.max(...most)).toBeLessThan((1 << 20) + 17_000);
    expect(pulled).toBeLessThan(1_000);
  });

  it.each(['error', 'drop-newest', 'drop-oldest'] as const)(
    'applies %s to records that are pushed anyway',
    (overflow) => {
      const infos: BatchInfo[] = [];
      const seen: unknown[] = [];
      virtual(() => {
        const stream = receiverBatches<string>(
          ({ store, complete }) => {
            // What is in hand is taken up to twice the bound.
            for (const letter of overflow === 'error' ? 'abcdefg' : 'abcdef') store(letter.repeat(1_000));
            complete();
          },
          { interval: 100, maxQueueBytes: 3_000, overflow, batchObserver: { next: (info) => infos.push(info) } },
        );
        stream.pipe(foreachBatch((records) => void seen.push(...records.map(([letter]) => letter)))).subscribe({
          error: (error: unknown) => seen.push(error),
        });
      });
      if (overflow === 'error') {
        expect(seen).toEqual([new QueueOverflowError('receiverBatches', 3_000, 'bytes')]);
        expect(String(seen[0])).toContain('more than 3000 bytes of records wait');
        return;
      }
      expect(seen).toEqual(overflow === 'drop-newest' ? ['a', 'b', 'c'] : ['d', 'e', 'f']);
      expect(infos[0]?.inputs.receiver?.skipped).toBe(3);
    },
  );

  it('asks sizeOf for the size of each record', () => {
    const rooms: boolean[] = [];
    virtual((scheduler) => {
      let sink = undefined as unknown as ReceiverSink<{ size: number }>;
      const subscription = receiverBatches<{ size: number }>(
        (given) => {
          sink = given;
        },
        {
          interval: 100,
          maxQueueBytes: 100,
          sizeOf: ({ size }) => size,
        },
      ).subscribe();
      for (const size of [40, 50, 10]) rooms.push(sink.store({ size }));
      scheduler.schedule(() => subscription.unsubscribe(), 10);
    });
    expect(rooms).toEqual([true, true, false]);
  });
});

describe('the size of a record', () => {
  it('is that of its bytes or characters', () => {
    const sizeOf = recordSize<unknown>();
    // What a process takes for each of many, as measured.
    expect(sizeOf(new Uint8Array(1_000))).toBe(1_400);
    expect(sizeOf(new Uint8Array(100_000).subarray(0, 1_000))).toBe(1_150);
    expect(sizeOf(new Uint8Array(10))).toBe(160);
    expect(sizeOf(new ArrayBuffer(1_000))).toBe(1_250);
    expect(sizeOf('x'.repeat(1_000))).toBe(1_024);
    expect(sizeOf('€'.repeat(1_000))).toBe(2_024);
    expect(sizeOf(5)).toBe(8);
  });

  it('is estimated for objects, and follows them when they grow', () => {
    const sizeOf = recordSize<unknown>();
    const record = (length: number) => ({ id: 1, text: 'x'.repeat(length), tags: ['a', 'b'] });
    const small = Array.from({ length: 100 }, () => sizeOf(record(100)));
    expect(small.at(-1)).toBeGreaterThan(200);
    expect(small.at(-1)).toBeLessThan(500);
    const large = Array.from({ length: 1_000 }, () => sizeOf(record(100_000)));
    expect(large.at(-1)).toBeGreaterThan(99_000);
  });

  it('of a huge or circular object is extrapolated from a part', () => {
    const many = { list: Array.from({ length: 100_000 }, (_, i) => ({ text: `number ${i}` })) };
    const size = recordSize<unknown>()(many);
    expect(size).toBeGreaterThan(2e6);
    expect(size).toBeLessThan(2e7);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(recordSize<unknown>()(circular)).toBeLessThan(200);
  });
});
