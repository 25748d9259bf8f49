import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeMetadataRequest,
  metadataVersion,
  readMetadataResponse,
} from '../../../../src/sources/kafka/protocol/metadataProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const int32 = (value: number) => [...new Uint8Array(new Int32Array([value]).buffer)].reverse();
const compact = (text: string) => [Buffer.byteLength(text) + 1, ...Buffer.from(text)];
const string = (text: string) => [0, Buffer.byteLength(text), ...Buffer.from(text)];
const topicId = Array.from({ length: 16 }, (_, i) => i);
/** One field that is not known, of tag 3 and two bytes. */
const tags = [1, 3, 2, 99, 99];

/** A Metadata response, version 11, written from Kafka's description of the protocol. */
const flexible = Buffer.from([
  ...[...tags, ...int32(17)],
  ...[2 + 1, ...int32(1), ...compact('a'), ...int32(9092), 0, 0, ...int32(2), ...compact('b'), ...int32(9093)],
  ...[...compact('rack'), ...tags, ...compact('cluster'), ...int32(2)],
  ...[2 + 1, 0, 0, ...compact('flights'), ...topicId, 0, 2 + 1],
  ...[0, 0, ...int32(0), ...int32(1), ...int32(7), 2, ...int32(1), 2, ...int32(1), 1, ...tags],
  ...[0, 5, ...int32(1), ...int32(-1), ...int32(8), 2, ...int32(3), 1, 2, ...int32(3), 0],
  ...[...int32(-1), 0, 0, 29, ...compact('secret'), ...Array(16).fill(0), 1, 1, ...int32(-1), 0, ...tags],
]);

/** The same, version 7. */
const plain = Buffer.from([
  ...int32(17),
  ...[...int32(2), ...int32(1), ...string('a'), ...int32(9092), 255, 255, ...int32(2), ...string('b'), ...int32(9093)],
  ...[...string('rack'), ...string('cluster'), ...int32(2)],
  ...[...int32(2), 0, 0, ...string('flights'), 0, ...int32(2)],
  ...[0, 0, ...int32(0), ...int32(1), ...int32(7), ...int32(1), ...int32(1), ...int32(1), ...int32(1), ...int32(0)],
  ...[0, 5, ...int32(1), ...int32(-1), ...int32(8), ...int32(1), ...int32(3), ...int32(0), ...int32(1), ...int32(3)],
  ...[0, 29, ...string('secret'), 1, ...int32(0)],
]);

const response = (ids: readonly (string | undefined)[]) => ({
  throttleTime: 17,
  brokers: [
    { nodeId: 1, host: 'a', port: 9092, rack: '' },
    { nodeId: 2, host: 'b', port: 9093, rack: 'rack' },
  ],
  clusterId: 'cluster',
  topics: [
    {
      errorCode: 0,
      topic: 'flights',
      topicId: ids[0],
      isInternal: false,
      partitions: [
        { errorCode: 0, partition: 0, leader: 1, leaderEpoch: 7 },
        { errorCode: 5, partition: 1, leader: -1, leaderEpoch: 8 },
      ],
    },
    { errorCode: 29, topic: 'secret', topicId: ids[1], isInternal: true, partitions: [] },
  ],
});

describe('metadataVersion', () => {
  it('is the newest that both sides have', () => {
    expect([7, 8, 10, 11, 13].map(metadataVersion)).toEqual([7, 7, 7, 11, 11]);
  });
});

describe('encodeMetadataRequest', () => {
  it('asks for topics by name, or for all, and creates none', () => {
    const named = [0, 1 + 1, ...Array(16).fill(0), ...compact('flights'), 0, 0, 0, 0];
    expect([...encodeMetadataRequest(11, ['flights'])]).toEqual(named);
    expect([...encodeMetadataRequest(11, undefined)]).toEqual([0, 0, 0, 0, 0]);
    expect([...encodeMetadataRequest(11, [])]).toEqual([0, 1, 0, 0, 0]);
    expect([...encodeMetadataRequest(7, ['flights'])]).toEqual([...int32(1), ...string('flights'), 0]);
    expect([...encodeMetadataRequest(7, undefined)]).toEqual([...int32(-1), 0]);
  });
});

describe('readMetadataResponse', () => {
  const bodies = [
    [11, flexible, [Buffer.from(topicId).toString('hex'), '0'.repeat(32)]],
    [7, plain, [undefined, undefined]],
  ] as const;

  it.each(bodies)('version %i: reads what was sent, errors of topics and partitions among it', (version, body, ids) => {
    expect(readMetadataResponse(version, body)).toEqual(response(ids));
  });

  it.each(bodies)('version %i: refuses a response that is cut, wherever, or too long', (version, body) => {
    for (let length = 0; length < body.length; length++) {
      expect(() => readMetadataResponse(version, body.subarray(0, length))).toThrow(RangeError);
    }
    expect(() => readMetadataResponse(version, Buffer.concat([body, Buffer.alloc(1)]))).toThrow(RangeError);
  });

  it.each(bodies)('version %i: ends, with a response or a RangeError, whatever bits are flipped', (version, body) => {
    fc.assert(
      fc.property(fc.array(fc.nat(body.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const changed = Buffer.from(body);
        for (const bit of bits) changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
        try {
          readMetadataResponse(version, changed);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      propertySettings(),
    );
  });
});
