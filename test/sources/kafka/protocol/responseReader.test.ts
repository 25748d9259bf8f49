import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Response, ResponseReader } from '../../../../src/sources/kafka/protocol/responseReader.js';
import { propertySettings } from '../../../property/settings.js';

function encode({ correlationId, body }: Response): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt32BE(body.length + 4, 0);
  header.writeInt32BE(correlationId, 4);
  return Buffer.concat([header, body]);
}

function newReader(): { readonly reader: ResponseReader; readonly found: Response[] } {
  const found: Response[] = [];
  const reader = new ResponseReader(
    (length) => Buffer.alloc(length),
    (response) => found.push(response),
  );
  return { reader, found };
}

/** No two neighbours are the same. */
const bytesOf = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 0xff));

const responses = fc.array(
  fc.record({
    correlationId: fc.integer(),
    length: fc.oneof(
      { weight: 9, arbitrary: fc.nat(300) },
      { weight: 1, arbitrary: fc.constantFrom(65_528, 65_536, 70_000) },
    ),
  }),
  { maxLength: 6 },
);

describe('ResponseReader', () => {
  it('puts together what comes in pieces of any length, wherever the socket has read them into', () => {
    fc.assert(
      fc.property(
        responses,
        fc.array(fc.record({ length: fc.constantFrom(5, 8, 90, 20_000, 80_000), room: fc.boolean() }), {
          minLength: 1,
        }),
        (sent, pieces) => {
          const wanted = sent.map(({ correlationId, length }) => ({ correlationId, body: bytesOf(length) }));
          const bytes = Buffer.concat(wanted.map(encode));
          const { reader, found } = newReader();
          let piece = 0;
          for (let at = 0; at < bytes.length; ) {
            const { length, room } = pieces[piece++ % pieces.length]!;
            if (room) {
              const copied = bytes.copy(reader.target.subarray(0, length), 0, at);
              at += copied;
              reader.received(copied);
            } else {
              reader.push(bytes.subarray(at, at + length));
              at += length;
            }
          }
          expect(found.map(({ correlationId }) => correlationId)).toEqual(
            sent.map(({ correlationId }) => correlationId),
          );
          // Not by `toEqual`, which takes a second for bytes of this length.
          expect(found.every(({ body }, i) => body.equals(wanted[i]!.body))).toBe(true);
        },
      ),
      propertySettings(),
    );
  });

  it('refuses a length that no response has', () => {
    const { reader } = newReader();
    expect(() => reader.push(Buffer.from([0, 0, 0, 3, 0, 0, 0, 1]))).toThrow(
      new RangeError('a response announces a body of -1 bytes'),
    );
    const huge = newReader();
    expect(() => huge.reader.push(Buffer.from([0x7f, 0, 0, 4, 0, 0, 0, 1]))).toThrow(
      new RangeError('a response announces a body of 2130706432 bytes'),
    );
  });
});
