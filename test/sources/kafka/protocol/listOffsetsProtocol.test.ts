import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeListOffsetsRequest,
  readListOffsetsResponse,
} from '../../../../src/sources/kafka/protocol/listOffsetsProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const int64 = (value: number) => [...new Uint8Array(new BigInt64Array([BigInt(value)]).buffer)].reverse();
const string = (text: string) => [0, Buffer.byteLength(text), ...Buffer.from(text)];

/** A ListOffsets response, version 5, written from Kafka's description of the protocol. */
const whole = Buffer.from([
  ...[...int32(17), ...int32(1), ...string('flights'), ...int32(2)],
  ...[...int32(0), 0, 0, ...int64(1_700_000_000_000), ...int64(41), ...int32(3)],
  ...[...int32(1), 0, 6, ...int64(-1), ...int64(-1), ...int32(-1)],
]);

describe('encodeListOffsetsRequest', () => {
  it('writes a ListOffsets request, version 5', () => {
    const topics = [{ topic: 'flights', partitions: [0, 300] }];
    const bytes = encodeListOffsetsRequest({ topics, timestamp: -2, isolationLevel: 'read_committed' });
    const partitions = [0, 300].flatMap((partition) => [...int32(partition), ...int32(-1), ...int64(-2)]);
    expect([...bytes]).toEqual([...int32(-1), 1, ...int32(1), ...string('flights'), ...int32(2), ...partitions]);
  });
});

describe('readListOffsetsResponse', () => {
  it('reads what was sent, the error of a partition among it', () => {
    expect(readListOffsetsResponse(whole)).toEqual({
      throttleTime: 17,
      partitions: [
        { topic: 'flights', partition: 0, errorCode: 0, offset: 41, leaderEpoch: 3 },
        { topic: 'flights', partition: 1, errorCode: 6, offset: -1, leaderEpoch: -1 },
      ],
    });
  });

  it('refuses a response that is cut, wherever, or too long', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => readListOffsetsResponse(whole.subarray(0, length))).toThrow(RangeError);
    }
    expect(() => readListOffsetsResponse(Buffer.concat([whole, Buffer.alloc(1)]))).toThrow(RangeError);
  });

  it('ends, with a response or a RangeError, whatever bits are flipped', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const changed = Buffer.from(whole);
        for (const bit of bits) changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
        try {
          readListOffsetsResponse(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      propertySettings(),
    );
  });
});
