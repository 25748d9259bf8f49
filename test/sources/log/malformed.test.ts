import { type BatchInfo, foreachBatch, type InvalidRecord, logBatches, MalformedRecordError } from 'dstream';
import { describe, expect, it } from 'vitest';
import { encodedLog } from '../../support/encodedLog.js';
import { encodeBatch } from '../../support/recordBatch.js';
import { virtual } from '../../support/virtual.js';

type Where =
  | 'in the log'
  | 'on its way'
  | 'on its way, again and again'
  | 'in its offset'
  | 'in its offset, on its way';

/**
 * Record batches of five, of which the third is damaged: in the log, or only on its way, when it is fetched for the first time or, each time in another place, for
 * the first three times. */
function damagedLog(where: Where) {
  const batches = [0, 5, 10, 15, 20].map((first) =>
    encodeBatch(
      Array.from({ length: 5 }, (_, i) => {
        return {
          offset: first + i,
          timestamp: 0,
          key: Buffer.from('k'),
          value: Buffer.from(`v${first + i}`),
          headers: [],
        };
      }),
    ),
  );
  const damage = (bytes: Buffer, at = 70) => bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  if (where === 'in the log') {
    damage(batches[2] as Buffer);
    return encodedLog('t', [{ batches, latest: 25 }]);
  }
  if (where === 'in its offset') {
    damage(batches[2] as Buffer, 0);
    return encodedLog('t', [{ batches, latest: 25 }]);
  }
  if (where === 'in its offset, on its way') {
    let isDamaged = true;
    return encodedLog('t', [{ batches, latest: 25 }], 1, (bytes, { offset }) => {
      if (offset >= 10 && isDamaged) damage(bytes, 0);
      if (offset >= 10) isDamaged = false;
    });
  }
  let damages = where === 'on its way' ? 1 : 3;
  return encodedLog('t', [{ batches, latest: 25 }], 1, (bytes, { offset }) => {
    if (offset >= 10 && damages > 0) damage(bytes, 70 + damages--);
  });
}

/** Reads to the end, in batches of seven: one ends within the damage, and the next one begins there. */
function readAll(
  policy: 'error' | 'skip' | 'dead letters',
  { undecodable, where = 'in the log' }: { undecodable?: number; where?: Parameters<typeof damagedLog>[0] } = {},
) {
  const offsets: number[] = [];
  const letters: InvalidRecord[] = [];
  const infos: BatchInfo[] = [];
  const errors: unknown[] = [];
  virtual((scheduler) => {
    const stream = logBatches(damagedLog(where), {
      topics: ['t'],
      start: 'earliest',
      interval: 10,
      maxRatePerPartition: 700,
      deserialize: (view) => {
        if (view.offset === undecodable) throw new Error('cannot be');
        return view.offset;
      },
      invalidRecords: policy === 'dead letters' ? { next: (letter) => letters.push(letter) } : policy,
      batchObserver: { next: (info) => infos.push(info) },
    });
    stream
      .pipe(foreachBatch((records) => void offsets.push(...records)))
      .subscribe({ error: (error) => errors.push(error) });
    scheduler.schedule(() => void stream.stop(), 55);
  });
  const skipped = infos.map(({ inputs }) => inputs.log?.skipped);
  return { offsets, letters, errors, skipped };
}

const upTo = (from: number, until: number) => Array.from({ length: until - from }, (_, i) => from + i);

describe('a damaged record batch', () => {
  it('fails the stream, with its place, and no record after it is given out', () => {
    const { offsets, errors } = readAll('error');
    expect(offsets).toEqual(upTo(0, 7));
    expect(errors).toEqual([expect.any(MalformedRecordError)]);
    expect(errors).toMatchObject([{ topic: 't', partition: 0, offset: 10 }]);
  });

  it('is skipped when told so, once, and its offsets are counted', () => {
    const { offsets, errors, skipped } = readAll('skip');
    expect(errors).toEqual([]);
    expect(offsets).toEqual([...upTo(0, 10), ...upTo(15, 25)]);
    expect(skipped).toEqual([undefined, 5, undefined, undefined, undefined]);
  });

  it('is handed over as a whole, and one that cannot be deserialized as a copy of its bytes', () => {
    const { offsets, errors, letters, skipped } = readAll('dead letters', { undecodable: 17 });
    expect(errors).toEqual([]);
    expect(offsets).toEqual([...upTo(0, 10), 15, 16, ...upTo(18, 25)]);
    expect(skipped).toEqual([undefined, 5, 1, undefined, undefined]);
    expect(letters).toMatchObject([
      { topic: 't', partition: 0, offset: 10, until: 15, error: { code: 'MALFORMED_RECORD' } },
      { topic: 't', partition: 0, offset: 17, until: 18, error: { code: 'DESERIALIZATION' } },
    ]);
    const { key, value } = letters[1] as InvalidRecord;
    expect([key, value].map((bytes) => String.fromCharCode(...(bytes ?? [])))).toEqual(['k', 'v17']);
    // Nothing of what was fetched is held by them.
    expect([key, value].map((bytes) => bytes?.buffer.byteLength)).toEqual([1, 3]);
  });

  it.each(
    (['on its way', 'on its way, again and again'] as const).flatMap((where) =>
      (['error', 'skip', 'dead letters'] as const).map((policy) => [where, policy] as const),
    ),
  )('is read again if it was damaged %s only, with %s', (where, policy) => {
    const { offsets, errors, letters, skipped } = readAll(policy, { where });
    expect({ errors, letters }).toEqual({ errors: [], letters: [] });
    expect(offsets).toEqual(upTo(0, 25));
    expect(skipped.every((count) => count === undefined)).toBe(true);
  });

  it('is read again if its offset was beyond all numbers on its way', () => {
    const { offsets, errors } = readAll('error', { where: 'in its offset, on its way' });
    expect(errors).toEqual([]);
    expect(offsets).toEqual(upTo(0, 25));
  });

  it('fails the stream where its offset is beyond all numbers in the log', () => {
    const { offsets, errors } = readAll('skip', { where: 'in its offset' });
    expect(errors).toMatchObject([{ code: 'OFFSET_TOO_LARGE', retriable: false }]);
    expect(offsets).toEqual(upTo(0, offsets.length));
    expect(offsets.length).toBeLessThanOrEqual(10);
  });
});
