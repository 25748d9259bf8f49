import { nativeChecksum } from '../../../storage/nativeChecksum.js';

/** CRC-32C of the bytes at [`from`, `until`). */
export type Crc32c = (bytes: Uint8Array, from: number, until: number) => number;

let loaded: { readonly crc32c: Crc32c | undefined } | undefined;

/** CRC-32C by the processor's own instruction, from `@node-rs/crc32`; `undefined` where that is not installed. */
export function nativeCrc32c(): Crc32c | undefined {
  loaded ??= { crc32c: load() };
  return loaded.crc32c;
}

/** The function of the package, if it is there and right. */
export function load(require?: (name: string) => unknown): Crc32c | undefined {
  const crc32c = nativeChecksum('crc32c', require);
  return crc32c && ((bytes, from, until) => crc32c(bytes.subarray(from, until)));
}
