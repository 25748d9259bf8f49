import { describe, expect, it } from 'vitest';
import {
  encodeOffsetForLeaderEpoch,
  readOffsetForLeaderEpochResponse,
} from '../../../../src/sources/kafka/protocol/offsetForLeaderEpochProtocol.js';

describe('OffsetForLeaderEpoch, version 3', () => {
  it('is written as Kafka describes it', () => {
    const bytes = encodeOffsetForLeaderEpoch([
      {
        topic: 'ab',
        partitions: [
          { partition: 1, currentLeaderEpoch: 7, leaderEpoch: 5 },
          { partition: 2, currentLeaderEpoch: -1, leaderEpoch: 0 },
        ],
      },
    ]);
    expect(bytes.toString('hex')).toBe(
      ['ffffffff', '00000001', '0002', '6162', '00000002', '000000010000000700000005', '00000002ffffffff00000000'].join(
        '',
      ),
    );
  });

  const body = Buffer.from(
    [
      ...['00000011', '00000001', '0002', '6162', '00000002'],
      ...['0000', '00000001', '00000004', '0000000000000064'],
      ...['004b', '00000002', 'ffffffff', 'ffffffffffffffff'],
    ].join(''),
    'hex',
  );

  it('is read as Kafka describes it', () => {
    expect(readOffsetForLeaderEpochResponse(body)).toEqual({
      throttleTime: 17,
      partitions: [
        { topic: 'ab', partition: 1, errorCode: 0, leaderEpoch: 4, endOffset: 100 },
        { topic: 'ab', partition: 2, errorCode: 75, leaderEpoch: -1, endOffset: -1 },
      ],
    });
  });

  it('refuses a response that is cut anywhere', () => {
    for (let length = 0; length < body.length; length++) {
      expect(() => readOffsetForLeaderEpochResponse(body.subarray(0, length))).toThrow(RangeError);
    }
  });
});
