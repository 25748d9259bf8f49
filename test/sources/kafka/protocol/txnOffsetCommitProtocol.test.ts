import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeTxnOffsetCommit,
  readTxnOffsetCommitResponse,
} from '../../../../src/sources/kafka/protocol/txnOffsetCommitProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const int64 = (value: number) => [...int32(Math.floor(value / 2 ** 32)), ...int32(value)];
const compact = (text: string) => [Buffer.byteLength(text) + 1, ...Buffer.from(text)];
/** One field that is not known, of tag 3 and two bytes. */
const tags = [1, 3, 2, 99, 99];

/** A TxnOffsetCommit response, version 3, written from Kafka's description of the protocol. */
const whole = Buffer.from([
  ...[...tags, ...int32(17), 2 + 1],
  ...[...compact('flights'), 2 + 1, ...int32(0), 0, 0, ...tags, ...int32(1), 0, 25, 0, 0],
  ...[...compact('ключ'), 0 + 1, 0],
  0,
]);

describe('encodeTxnOffsetCommit', () => {
  it('writes a TxnOffsetCommit request, version 3, with the member and its generation', () => {
    const producer = { transactionalId: 'jobs-3', producerId: 4_000n, producerEpoch: 7 };
    const member = { groupId: 'jobs', generation: 12, memberId: 'm', instanceId: 'pod-1' };
    const partitions = [{ partition: 3, offset: 41, metadata: 'dstream 1000' }];
    const bytes = encodeTxnOffsetCommit(producer, member, [{ topic: 'flights', partitions }]);
    expect([...bytes]).toEqual([
      ...[0, ...compact('jobs-3'), ...compact('jobs'), ...int64(4_000), 0, 7],
      ...[...int32(12), ...compact('m'), ...compact('pod-1'), 1 + 1],
      ...[...compact('flights'), 1 + 1, ...int32(3), ...int64(41), ...int32(-1), ...compact('dstream 1000'), 0, 0],
      0,
    ]);
    const dynamic = encodeTxnOffsetCommit(producer, { ...member, instanceId: undefined }, []);
    expect([...dynamic].slice(-4)).toEqual([...compact('m').slice(1), 0, 0 + 1, 0]);
  });
});

describe('readTxnOffsetCommitResponse', () => {
  it('reads what was sent, and leaves out what it does not know', () => {
    expect(readTxnOffsetCommitResponse(whole)).toEqual({
      throttleTime: 17,
      partitions: [
        { topic: 'flights', partition: 0, errorCode: 0 },
        { topic: 'flights', partition: 1, errorCode: 25 },
      ],
    });
  });

  it('refuses a response that is cut', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 2), (length) => {
        expect(() => readTxnOffsetCommitResponse(whole.subarray(0, length))).toThrow(RangeError);
      }),
      propertySettings(200),
    );
  });
});
