import { crc32 as zlibCrc32 } from 'node:zlib';
import { type Checksum, nativeChecksum } from './nativeChecksum.js';

/** For fewer bytes neither loading the package nor calling it pays. */
const minNativeBytes = 1 << 14;

let loaded: Checksum | undefined;

/** The CRC-32 of the bytes; of many by the processor's own instruction where `@node-rs/crc32` is installed, in a third of the time. */
export function crc32(bytes: Uint8Array): number {
  if (bytes.length < minNativeBytes) return zlibCrc32(bytes);
  loaded ??= load() ?? zlibCrc32;
  return loaded(bytes);
}

/** The function of the package, if it is there and right. */
export function load(require?: (name: string) => unknown): Checksum | undefined {
  return nativeChecksum('crc32', require);
}
