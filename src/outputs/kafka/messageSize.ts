import type { ProducerMessage } from './producerPort.js';

/** Approximate bytes of a record beside its key, value and headers, with its share of the record batch. */
const recordOverheadBytes = 70;

/** Approximate bytes of a record on the wire, not compressed. */
export function messageSize({ key, value, headers }: ProducerMessage): number {
  let size = recordOverheadBytes + bytesOf(key) + bytesOf(value);
  for (const [name, header] of Object.entries(headers ?? {})) {
    for (const one of [header].flat()) size += name.length + bytesOf(one);
  }
  return size;
}

function bytesOf(part: Buffer | string | null | undefined): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : (part?.length ?? 0);
}
