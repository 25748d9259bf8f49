import type { RecordReader, RecordView } from 'dstream';
import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../../src/sources/kafka/kafkajs/codecs.js';
import { ResponseBuffers } from '../../../../src/sources/kafka/kafkajs/responseBuffers.js';
import { RecordBatchReader } from '../../../../src/sources/kafka/protocol/recordBatchReader.js';
import { encodeBatch } from '../../../support/recordBatch.js';

const value = Buffer.alloc(50_000, 'v');
const batch = encodeBatch(
  [0, 1].map((offset) => ({ offset, timestamp: 0, key: Buffer.from('k'), value, headers: [['h', Buffer.from('1')]] })),
);

/** A response of one record batch, as the client passes it on: it has released the buffer. */
function received() {
  const buffers = new ResponseBuffers();
  const bytes = buffers.take(batch.length);
  batch.copy(bytes);
  const refCount = buffers.refCountOf(bytes);
  const options = { topic: 't', partition: 0, from: 0, aborted: [], checkCrcs: true, codecOf, refCount };
  const reader = RecordBatchReader.open(bytes, options) as RecordBatchReader;
  refCount?.release();
  return { reader, isFree: () => buffers.freeBytes > 0 };
}

const ways: readonly (readonly [string, (reader: RecordReader, look: (view: RecordView) => void) => () => void])[] = [
  [
    'as they come',
    (reader, look) => {
      reader.read(2, 10, look);
      return () => {};
    },
  ],
  [
    'a second time, from what was retained',
    (reader, look) => {
      const retained = reader.retain?.(2, 10, () => {});
      retained?.read(look);
      return () => retained?.release?.();
    },
  ],
];

describe.each(ways)('the buffer of records that are read %s', (_, readAll) => {
  it.each<[string, (view: RecordView) => unknown]>([
    ['their key', (view) => view.key],
    ['their value', (view) => view.value],
    ['their headers', (view) => view.headers],
  ])('is never used again when %s was given out', (_, look) => {
    const { reader, isFree } = received();
    const release = readAll(reader, look);
    reader.release();
    release();
    expect(isFree()).toBe(false);
  });

  it('is used again when only strings and numbers were read, once all have released it', () => {
    const { reader, isFree } = received();
    const release = readAll(reader, (view) => [view.keyText(), view.valueText(), view.offset, view.valueLength]);
    expect(isFree()).toBe(false);
    reader.release();
    release();
    expect(isFree()).toBe(true);
  });

  it('is not used again before that, in whatever order they release it', () => {
    const { reader, isFree } = received();
    const release = readAll(reader, (view) => view.offset);
    release();
    expect(isFree()).toBe(false);
    reader.release();
    expect(isFree()).toBe(true);
  });
});

it('a buffer with retained records is not used again before they are released', () => {
  const { reader, isFree } = received();
  const retained = reader.retain(2, 10, () => {});
  reader.release();
  expect(isFree()).toBe(false);
  retained?.release();
  expect(isFree()).toBe(true);
});
