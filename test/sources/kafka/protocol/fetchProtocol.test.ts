import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFetchRequest, readFetchResponse } from '../../../../src/sources/kafka/protocol/fetchProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int = (size: 2 | 4 | 8, value: number) => {
  const bytes = Buffer.alloc(size);
  if (size === 8) bytes.writeBigInt64BE(BigInt(value));
  else bytes.writeIntBE(value, 0, size);
  return bytes;
};

interface Sent {
  readonly partition: number;
  readonly errorCode: number;
  readonly aborted: readonly (readonly [producerId: number, firstOffset: number])[] | null;
  readonly records: Buffer | null;
}

/** A Fetch response, version 11, written from Kafka's description of the protocol. */
function encode(topics: readonly (readonly [name: string, partitions: readonly Sent[]])[]): Buffer {
  const partition = ({ partition, errorCode, aborted, records }: Sent) =>
    Buffer.concat([
      ...[int(4, partition), int(2, errorCode), int(8, 100), int(8, 90), int(8, 5)],
      int(4, aborted?.length ?? -1),
      ...(aborted ?? []).flatMap(([producerId, firstOffset]) => [int(8, producerId), int(8, firstOffset)]),
      ...[int(4, -1), int(4, records?.length ?? -1), records ?? Buffer.alloc(0)],
    ]);
  return Buffer.concat([
    ...[int(4, 17), int(2, 0), int(4, 0), int(4, topics.length)],
    ...topics.flatMap(([name, partitions]) => [
      ...[int(2, Buffer.byteLength(name)), Buffer.from(name), int(4, partitions.length)],
      ...partitions.map(partition),
    ]),
  ]);
}

const whole = encode([
  [
    'flights',
    [
      { partition: 0, errorCode: 0, aborted: [[7, 40]], records: Buffer.from('some records') },
      { partition: 1, errorCode: 6, aborted: null, records: null },
    ],
  ],
  ['ключ', [{ partition: 2, errorCode: 0, aborted: [], records: Buffer.alloc(0) }]],
]);

describe('encodeFetchRequest', () => {
  it('writes the bytes that kafkajs writes for the same request', async () => {
    const kafkajsRequest = createRequire(import.meta.url)('kafkajs/src/protocol/requests/fetch/v11/request.js');
    const partitions = [
      { topic: 'flights', partition: 0, offset: 41, maxBytes: 1_000 },
      { topic: 'ключ', partition: 3, offset: 2 ** 40, maxBytes: 2_000 },
      { topic: 'flights', partition: 1, offset: 0, maxBytes: 3_000 },
    ];
    const request = kafkajsRequest({
      replicaId: -1,
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 6_000,
      isolationLevel: 1,
      topics: [
        {
          topic: 'flights',
          partitions: [
            { partition: 0, fetchOffset: 41, maxBytes: 1_000 },
            { partition: 1, fetchOffset: 0, maxBytes: 3_000 },
          ],
        },
        { topic: 'ключ', partitions: [{ partition: 3, fetchOffset: 2 ** 40, maxBytes: 2_000 }] },
      ],
    });
    const bytes = encodeFetchRequest({ partitions, maxWait: 500, maxBytes: 6_000, isolationLevel: 'read_committed' });
    expect(bytes).toEqual((await request.encode()).buffer);
  });
});

describe('readFetchResponse', () => {
  it('reads what was sent, and points into the received bytes', () => {
    const { throttleTime, errorCode, partitions } = readFetchResponse(whole);
    expect({ throttleTime, errorCode }).toEqual({ throttleTime: 17, errorCode: 0 });
    const offsets = { highWatermark: 100, lastStableOffset: 90, logStartOffset: 5 };
    expect(partitions).toMatchObject([
      { topic: 'flights', partition: 0, errorCode: 0, ...offsets, aborted: [{ producerId: 7n, firstOffset: 40 }] },
      { topic: 'flights', partition: 1, errorCode: 6, ...offsets, aborted: [] },
      { topic: 'ключ', partition: 2, errorCode: 0, ...offsets, aborted: [] },
    ]);
    expect(partitions.map(({ records }) => records.toString())).toEqual(['some records', '', '']);
    expect(partitions[0]?.records.buffer).toBe(whole.buffer);
  });

  it('refuses a response that is cut off, wherever it is cut', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => readFetchResponse(whole.subarray(0, length))).toThrow(RangeError);
    }
  });

  it('refuses ends of a partition that no log has, or that do not fit each other', () => {
    // The ends of the first partition follow its number and its error code; this is the end of the log.
    const end = whole.indexOf(Buffer.from([0, 0, 0, 0, 0, 0, 0, 100]));
    for (const [at, offset] of [
      [end, 2n ** 53n],
      [end, 2n ** 63n - 1n],
      [end, -2n],
      [end, 89n],
      [end + 8, 101n],
      [end + 16, 101n],
    ] as const) {
      const damaged = Buffer.from(whole);
      damaged.writeBigInt64BE(offset, at);
      expect(() => readFetchResponse(damaged), `${offset} at ${at}`).toThrow(RangeError);
    }
  });

  it('ends, with a response or a RangeError, and returns no byte from outside, however the bytes are changed', () => {
    const mutation = fc.record({ at: fc.nat(whole.length - 4), int32: fc.oneof(fc.integer(), fc.nat(300)) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const mutated = Buffer.from(whole);
        for (const { at, int32 } of mutations) mutated.writeInt32BE(int32, at);
        try {
          const { partitions } = readFetchResponse(mutated);
          const bytes = partitions.reduce((sum, { records }) => sum + records.length, 0);
          expect(bytes).toBeLessThan(whole.length);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }),
      propertySettings(Number(process.env.FUZZ_CASES ?? 20_000)),
    );
  }, 600_000);
});
