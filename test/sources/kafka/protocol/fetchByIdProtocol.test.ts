import { describe, expect, it } from 'vitest';
import {
  encodeFetchByIdRequest,
  readFetchByIdResponse,
} from '../../../../src/sources/kafka/protocol/fetchByIdProtocol.js';

const hex = (...parts: readonly string[]) => parts.join('').replaceAll(' ', '');
const id = '000102030405060708090a0b0c0d0e0f';
const other = 'ffeeddccbbaa99887766554433221100';

describe('encodeFetchByIdRequest', () => {
  it('writes version 13 as Kafka describes it', () => {
    const bytes = encodeFetchByIdRequest({
      partitions: [
        { topic: 'a', topicId: id, partition: 1, offset: 5, maxBytes: 256, currentLeaderEpoch: 7 },
        { topic: 'b', topicId: other, partition: 0, offset: 2, maxBytes: 16 },
        { topic: 'a', topicId: id, partition: 2, offset: 0, maxBytes: 512 },
      ],
      maxWait: 500,
      maxBytes: 1_024,
      isolationLevel: 'read_committed',
    });
    const none = 'ffffffff';
    const noStart = 'ffffffffffffffff';
    expect(bytes.toString('hex')).toBe(
      hex(
        // Tags of the header; replica, longest wait, fewest and most bytes, isolation level, session and its epoch.
        ...['00', none, '000001f4', '00000001', '00000400', '01', '00000000', none],
        // Two topics.
        ...['03', id, '03'],
        ...['00000001', '00000007', '0000000000000005', none, noStart, '00000100', '00'],
        ...['00000002', none, '0000000000000000', none, noStart, '00000200', '00', '00'],
        ...[other, '02'],
        ...['00000000', none, '0000000000000002', none, noStart, '00000010', '00', '00'],
        // No forgotten topics, no rack, no tags.
        ...['01', '01', '00'],
      ),
    );
  });
});

describe('readFetchByIdResponse', () => {
  const partition = (number: string, code: string, rest: string) =>
    hex(number, code, '0000000000000064', '000000000000005a', '0000000000000005', rest);
  /** Where it diverged: tag 0, of 13 bytes. */
  const diverging = '01 00 0d 00000003 0000000000000032 00';
  const body = Buffer.from(
    hex(
      ...['00', '00000011', '0000', '00000000'],
      ...['03', id, '03'],
      partition(
        '00000000',
        '0000',
        hex('02', '0000000000000007', '0000000000000028', '00', 'ffffffff', '04 616263', '00'),
      ),
      partition('00000001', '0064', hex('00', 'ffffffff', '00', diverging)),
      '00',
      ...[other, '02'],
      partition('00000002', '0000', hex('01', 'ffffffff', '01', '00')),
      ...['00', '00'],
    ),
    'hex',
  );

  it('reads version 13 as Kafka describes it', () => {
    const names = new Map([
      [id, 'flights'],
      [other, 'ключ'],
    ]);
    const place = { highWatermark: 100, lastStableOffset: 90, logStartOffset: 5 };
    expect(readFetchByIdResponse(body, (topicId) => names.get(topicId) ?? '')).toEqual({
      throttleTime: 17,
      errorCode: 0,
      partitions: [
        {
          ...place,
          topic: 'flights',
          partition: 0,
          errorCode: 0,
          aborted: [{ producerId: 7n, firstOffset: 40 }],
          records: Buffer.from('abc'),
        },
        { ...place, topic: 'flights', partition: 1, errorCode: 100, aborted: [], records: Buffer.alloc(0) },
        { ...place, topic: 'ключ', partition: 2, errorCode: 0, aborted: [], records: Buffer.alloc(0) },
      ],
    });
  });

  it('refuses a response that is cut anywhere', () => {
    for (let length = 0; length < body.length; length++) {
      expect(() => readFetchByIdResponse(body.subarray(0, length), () => 't')).toThrow(RangeError);
    }
  });
});
