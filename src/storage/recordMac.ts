import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Of HMAC-SHA-256, truncated: an attacker who does not have the key has one chance in 2^128 for each attempt. */
export const macBytes = 16;

/**
 * Message authentication codes of the records of one file. A code covers what the directory is for, the name of the file, and the number
 * of the record in it, so that no record, and no file, can take the place of another.
 *
 *     code (16) | payload    what is in the frame
 */
export class RecordMac {
  readonly #key: KeyObject;
  readonly #context: Buffer;

  /** @param what what the directory is for */
  constructor(key: KeyObject, what: string, file: string) {
    this.#key = key;
    this.#context = Buffer.from(`dstream\0${what}\0${file}\0`);
  }

  /** The payload behind its code. */
  add(payload: Uint8Array, sequence: number): Buffer {
    return Buffer.concat([this.#codeOf(payload, sequence), payload]);
  }

  /** The payload; `undefined` when the code before it is not that of the payload. */
  verified(bytes: Buffer, sequence: number): Buffer | undefined {
    if (bytes.length < macBytes) return undefined;
    const payload = bytes.subarray(macBytes);
    return timingSafeEqual(bytes.subarray(0, macBytes), this.#codeOf(payload, sequence)) ? payload : undefined;
  }

  #codeOf(payload: Uint8Array, sequence: number): Buffer {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(sequence);
    const hmac = createHmac('sha256', this.#key).update(this.#context).update(number).update(payload);
    return hmac.digest().subarray(0, macBytes);
  }
}
