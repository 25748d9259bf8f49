import { DStreamError, StorageError } from '../batch/errors.js';

/** What is no error of ours is the disk's. */
export function toStorageError(location: string, action: string, cause: unknown): DStreamError {
  return cause instanceof DStreamError ? cause : new StorageError(location, action, { cause });
}
