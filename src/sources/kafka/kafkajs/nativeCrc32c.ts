import { createRequire } from 'node:module';

/** CRC-32C of the bytes at [`from`, `until`). */
export type Crc32c = (bytes: Uint8Array, from: number, until: number) => number;

/** An optional peer. No import names it: a bundler would look for it. */
const packageName = '@node-rs/crc32';

/** What every implementation of CRC-32C returns for these digits. */
const checkDigits = new TextEncoder().encode('123456789');
const checkValue = 0xe3069283;

let loaded: { readonly crc32c: Crc32c | undefined } | undefined;

/** CRC-32C by the processor's own instruction, from `@node-rs/crc32`; `undefined` where that is not installed. */
export function nativeCrc32c(): Crc32c | undefined {
  loaded ??= { crc32c: load((name) => createRequire(import.meta.url)(name)) };
  return loaded.crc32c;
}

/** The function of the package, if it is there and right. */
export function load(require: (name: string) => unknown): Crc32c | undefined {
  try {
    const { crc32c } = require(packageName) as { crc32c(bytes: Uint8Array): number };
    if (crc32c(checkDigits) !== checkValue) return undefined;
    return (bytes, from, until) => crc32c(bytes.subarray(from, until));
  } catch {
    return undefined;
  }
}
