import { createRequire } from 'node:module';

export type Checksum = (bytes: Uint8Array) => number;

/** An optional peer. No import names it: a bundler would look for it. */
const packageName = '@node-rs/crc32';

const checkDigits = new TextEncoder().encode('123456789');

/** What every implementation returns for these digits. */
const checkValues = { crc32: 0xcbf43926, crc32c: 0xe3069283 } as const;

const installed = (name: string): unknown => createRequire(import.meta.url)(name);

/** A function of `@node-rs/crc32`, which has the processor's own instructions; `undefined` where the package is not there, or is not right. */
export function nativeChecksum(
  name: keyof typeof checkValues,
  require: (name: string) => unknown = installed,
): Checksum | undefined {
  try {
    const checksum = (require(packageName) as Readonly<Record<string, Checksum | undefined>>)[name];
    return checksum?.(checkDigits) === checkValues[name] ? checksum : undefined;
  } catch {
    return undefined;
  }
}
