import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeStableOffsetFetch,
  readOffsetFetchResponse,
} from '../../../../src/sources/kafka/protocol/offsetFetchProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const compact = (text: string) => [Buffer.byteLength(text) + 1, ...Buffer.from(text)];
/** One field that is not known, of tag 3 and two bytes. */
const tags = [1, 3, 2, 99, 99];

/** An OffsetFetch response, version 7, written from Kafka's description of the protocol. */
const whole = Buffer.from([
  ...[...tags, ...int32(17), 2 + 1],
  ...[...compact('flights'), 2 + 1],
  ...[...int32(0), ...int32(0), ...int32(41), ...int32(-1), ...compact('dstream 1000'), 0, 0, ...tags],
  ...[...int32(1), ...int32(-1), ...int32(-1), ...int32(-1), 0, 0, 88, 0],
  ...[0, ...compact('ключ'), 0 + 1, 0],
  ...[0, 16, 0],
]);

describe('encodeStableOffsetFetch', () => {
  it('writes an OffsetFetch request, version 7, that requires stable offsets', () => {
    const bytes = encodeStableOffsetFetch('jobs', [{ topic: 'flights', partitions: [0, 300] }]);
    const topics = [1 + 1, ...compact('flights'), 2 + 1, ...int32(0), ...int32(300), 0];
    expect([...bytes]).toEqual([0, ...compact('jobs'), ...topics, 1, 0]);
  });
});

describe('readOffsetFetchResponse', () => {
  it('reads what was sent, and leaves out what it does not know', () => {
    expect(readOffsetFetchResponse(whole)).toEqual({
      throttleTime: 17,
      errorCode: 16,
      partitions: [
        { topic: 'flights', partition: 0, offset: 41, metadata: 'dstream 1000', errorCode: 0 },
        { topic: 'flights', partition: 1, offset: -1, metadata: '', errorCode: 88 },
      ],
    });
  });

  it('refuses a response that is cut', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 2), (length) => {
        expect(() => readOffsetFetchResponse(whole.subarray(0, length))).toThrow(RangeError);
      }),
      propertySettings(),
    );
  });
});
