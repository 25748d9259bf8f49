import type { ObservableInput } from 'rxjs';

/**
 * Where outputs to files write: the local file system, unless the option `sink` says otherwise. An object store is one through the client of
 * its vendor.
 */
export interface FileSink {
  /**
   * Writes a file, or an object, whole or not at all: until the returned input completes nobody may see it, and nothing may be left where it
   * fails. It replaces one of the same name, because a batch that runs again writes its files again.
   * @param name the name, with `/` between its parts
   * @param content the bytes, in chunks of about 64 KiB, which can be iterated once
   */
  write(name: string, content: AsyncIterable<Uint8Array>): ObservableInput<unknown>;
}
