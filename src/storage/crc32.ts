import { createRequire } from 'node:module';
import { crc32 as zlibCrc32 } from 'node:zlib';

type Crc32 = (bytes: Uint8Array) => number;

/** An optional peer. No import names it: a bundler would look for it. */
const packageName = '@node-rs/crc32';
/** For fewer bytes neither loading the package nor calling it pays. */
const minNativeBytes = 1 << 14;

/** What every implementation of CRC-32 returns for these digits. */
const checkDigits = new TextEncoder().encode('123456789');
const checkValue = 0xcbf43926;

let loaded: Crc32 | undefined;

/** The CRC-32 of the bytes; of many by the processor's own instruction where `@node-rs/crc32` is installed, in a third of the time. */
export function crc32(bytes: Uint8Array): number {
  if (bytes.length < minNativeBytes) return zlibCrc32(bytes);
  loaded ??= load((name) => createRequire(import.meta.url)(name)) ?? zlibCrc32;
  return loaded(bytes);
}

/** The function of the package, if it is there and right. */
export function load(require: (name: string) => unknown): Crc32 | undefined {
  try {
    const { crc32: native } = require(packageName) as { crc32: Crc32 };
    return native(checkDigits) === checkValue ? native : undefined;
  } catch {
    return undefined;
  }
}
