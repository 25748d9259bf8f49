import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeProduce, readProduceResponse } from '../../../../src/sources/kafka/protocol/produceProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int16 = (value: number) => [(value >> 8) & 0xff, value & 0xff];
const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const int64 = (value: number) => [...int32(Math.floor(value / 2 ** 32)), ...int32(value)];
const text = (value: string) => [...int16(Buffer.byteLength(value)), ...Buffer.from(value)];

/** A Produce response, version 7, written from Kafka's description of the protocol. */
const whole = Buffer.from([
  ...[...int32(2), ...text('flights'), ...int32(2)],
  ...[...int32(0), ...int16(0), ...int64(2 ** 33 + 5), ...int64(-1), ...int64(0)],
  ...[...int32(3), ...int16(10), ...int64(-1), ...int64(-1), ...int64(-1)],
  ...[...text('ключ'), ...int32(0)],
  ...int32(17),
]);

describe('encodeProduce', () => {
  it('writes a Produce request, version 7, that all replicas in sync answer for', () => {
    const batch = Buffer.from([1, 2, 3]);
    const topics = [{ topic: 'flights', partitions: [{ partition: 3, batch }] }];
    const records = [...int32(1), ...text('flights'), ...int32(1), ...int32(3), ...int32(3), 1, 2, 3];
    const plain = encodeProduce({ timeoutMs: 30_000, topics });
    expect([...plain]).toEqual([...int16(-1), ...int16(-1), ...int32(30_000), ...records]);
    const inTransaction = encodeProduce({ transactionalId: 'jobs-3', timeoutMs: 30_000, topics });
    expect([...inTransaction]).toEqual([...text('jobs-3'), ...int16(-1), ...int32(30_000), ...records]);
  });
});

describe('readProduceResponse', () => {
  it('reads what was sent', () => {
    expect(readProduceResponse(whole)).toEqual({
      throttleTime: 17,
      partitions: [
        { topic: 'flights', partition: 0, errorCode: 0, baseOffset: 2 ** 33 + 5 },
        { topic: 'flights', partition: 3, errorCode: 10, baseOffset: -1 },
      ],
    });
  });

  it('refuses a response that is cut', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        expect(() => readProduceResponse(whole.subarray(0, length))).toThrow(RangeError);
      }),
      propertySettings(200),
    );
  });
});
