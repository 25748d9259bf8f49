import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ResponseBuffers } from '../../../../src/sources/kafka/kafkajs/responseBuffers.js';
import type { BufferRefCount } from '../../../../src/sources/kafka/protocol/bufferRefCount.js';

const mebi = 1_048_576;

function taken(
  buffers: ResponseBuffers,
  length: number,
): { readonly buffer: Buffer; readonly refCount: BufferRefCount } {
  const buffer = buffers.take(length);
  return { buffer, refCount: buffers.refCountOf(buffer) as BufferRefCount };
}

describe('ResponseBuffers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('uses a buffer again once all readers have released it, and not before', () => {
    const buffers = new ResponseBuffers();
    const { buffer, refCount } = taken(buffers, 2 * mebi - 5);
    expect(buffer.length).toBe(2 * mebi - 5);
    refCount.retain();
    refCount.release();
    expect(taken(buffers, 2 * mebi).buffer.buffer).not.toBe(buffer.buffer);
    refCount.release();
    const again = taken(buffers, 2 * mebi - 100_000);
    expect(again.buffer.buffer).toBe(buffer.buffer);
    expect(again.refCount).not.toBe(refCount);
  });

  it('never uses one again whose bytes were given out', () => {
    const buffers = new ResponseBuffers();
    const { buffer, refCount } = taken(buffers, mebi);
    refCount.pin();
    refCount.release();
    expect(buffers.freeBytes).toBe(0);
    expect(taken(buffers, mebi).buffer.buffer).not.toBe(buffer.buffer);
  });

  it('leaves small ones to the collector', () => {
    const buffers = new ResponseBuffers();
    const buffer = buffers.take(1_000);
    expect(buffer.length).toBe(1_000);
    expect(buffers.refCountOf(buffer)).toBeUndefined();
  });

  it('lets no more than 128 MiB lie free', () => {
    const buffers = new ResponseBuffers();
    const all = Array.from({ length: 200 }, () => taken(buffers, mebi));
    for (const { refCount } of all) refCount.release();
    expect(buffers.freeBytes).toBe(128 * mebi);
  });

  it('gives up what was not needed for five seconds', () => {
    const buffers = new ResponseBuffers();
    const all = Array.from({ length: 10 }, () => taken(buffers, mebi));
    for (const { refCount } of all) refCount.release();
    const free: number[] = [];
    for (let second = 0; second < 11; second++) {
      vi.advanceTimersByTime(1_000);
      free.push(buffers.freeBytes / mebi);
      const two = [taken(buffers, mebi), taken(buffers, mebi)];
      for (const { refCount } of two) refCount.release();
    }
    // At the second look it is known what was not needed since the first.
    expect(free).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 2, 2]);
  });

  it('keeps nothing once nothing is needed', () => {
    const buffers = new ResponseBuffers();
    const all = Array.from({ length: 10 }, () => taken(buffers, mebi));
    for (const { refCount } of all) refCount.release();
    vi.advanceTimersByTime(10_000);
    expect(buffers.freeBytes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    taken(buffers, mebi).refCount.release();
    expect(buffers.freeBytes).toBe(mebi);
    expect(vi.getTimerCount()).toBe(1);
  });
});
