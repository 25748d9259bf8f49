import { createSecretKey, type KeyObject } from 'node:crypto';
import { InvalidOptionError } from '../batch/errors.js';
import type { OptionChecks } from '../options/checkOptions.js';

/** Options of what keeps files that somebody else may be able to write. */
export interface IntegrityOptions {
  /**
   * A secret of at least 16 bytes: text, or bytes. With it each record in the files has an HMAC-SHA-256, which is verified before anything
   * of the record is decoded, so that nobody without the key can change what is read. A file that was written without the key,
   * or with another one, is refused. Take another key for each directory.
   * @default checksums only, which anybody can compute
   */
  readonly integrityKey?: string | Uint8Array | undefined;
}

const minKeyBytes = 16;

export const integrityChecks: OptionChecks<IntegrityOptions> = { integrityKey: checkIntegrityKey };

/** Keeps the key where no message, log or debugger's print shows it. */
export function integrityKeyOf({ integrityKey }: IntegrityOptions): KeyObject | undefined {
  return integrityKey === undefined ? undefined : createSecretKey(bytesOf(integrityKey));
}

function checkIntegrityKey(owner: string, option: string, value: unknown): void {
  const fits = (typeof value === 'string' || value instanceof Uint8Array) && bytesOf(value).length >= minKeyBytes;
  // The value is not in the error, which may be logged.
  if (!fits) {
    throw new InvalidOptionError(owner, option, 'not shown', `must be text or bytes, at least ${minKeyBytes} bytes`);
  }
}

function bytesOf(key: string | Uint8Array): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : key;
}
