import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeDescribeTransactions,
  readDescribeTransactionsResponse,
} from '../../../../src/sources/kafka/protocol/describeTransactionsProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const int64 = (value: number) => [...int32(Math.floor(value / 2 ** 32)), ...int32(value)];
const compact = (text: string) => [Buffer.byteLength(text) + 1, ...Buffer.from(text)];
/** One field that is not known, of tag 3 and two bytes. */
const tags = [1, 3, 2, 99, 99];

/** A DescribeTransactions response, version 0, written from Kafka's description of the protocol. */
const whole = Buffer.from([
  ...[...tags, ...int32(17), 1 + 1],
  ...[0, 0, ...compact('jobs-3'), ...compact('CompleteAbort'), ...int32(60_000), ...int64(1_700_000_000_000)],
  ...[...int64(4_000), 0, 7],
  ...[2 + 1, ...compact('flights'), 2 + 1, ...int32(0), ...int32(1), ...tags, ...compact('ключ'), 0 + 1, 0],
  ...[...tags, 0],
]);

describe('encodeDescribeTransactions', () => {
  it('writes a DescribeTransactions request, version 0', () => {
    expect([...encodeDescribeTransactions('jobs-3')]).toEqual([0, 1 + 1, ...compact('jobs-3'), 0]);
  });
});

describe('readDescribeTransactionsResponse', () => {
  it('reads what was sent, and leaves out what it does not know', () => {
    expect(readDescribeTransactionsResponse(whole)).toEqual({
      throttleTime: 17,
      errorCode: 0,
      state: 'CompleteAbort',
      producerId: 4_000n,
      producerEpoch: 7,
    });
  });

  it('refuses an answer for another number of ids', () => {
    expect(() => readDescribeTransactionsResponse(Buffer.from([0, ...int32(0), 0 + 1, 0]))).toThrow(RangeError);
  });

  it('refuses a response that is cut', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 2), (length) => {
        expect(() => readDescribeTransactionsResponse(whole.subarray(0, length))).toThrow(RangeError);
      }),
      propertySettings(200),
    );
  });
});
